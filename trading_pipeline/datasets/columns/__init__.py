"""What a cell and a column of a user's file hold, by the text of its first rows.

Read `values` first, then `numbers`, `timestamps` and `roles`. Pure functions of text: nothing here
opens a file.
"""
