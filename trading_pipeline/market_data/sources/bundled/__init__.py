"""The bars that the package ships, and the source that reads them."""
