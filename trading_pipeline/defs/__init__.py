"""Every Dagster object of the project, one file a stage, in the order of the lineage."""
