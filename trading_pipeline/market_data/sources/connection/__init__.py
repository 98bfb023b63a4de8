"""What all network sources share.

`network_source` is the way in: it asks a provider in turn (`gate`), with retries (`retry`);
failures become typed errors without keys in their text (`errors`). Nothing here knows a single
provider.
"""
