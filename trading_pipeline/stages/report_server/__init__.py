"""The pages of `output/reports` over HTTP, read-only, for links that a browser opens.

Read `pages` (which files are pages, and their addresses), `access` (who may read) and `server`
(what is answered) in this order; `addresses` says where a server is, and what answers there.
Nothing is written here, and of a request only the name of a page ever becomes a path.
"""
