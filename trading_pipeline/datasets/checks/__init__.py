"""What is wrong with a file, row by row and over the series."""
