"""The commands of `results`: `app` reads what was asked, `tables` prints what was found."""
