"""Tables of the warehouse: bars, artifacts, models, results and the ledger of trials, a file each."""
