"""SQL that reads users' CSV and Parquet files: cells, rows, stamps and sorting, block by block."""
