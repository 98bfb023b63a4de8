"""The bars that the package ships, their provenance, and `source`, which reads them."""
