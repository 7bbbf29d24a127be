package client

import "net/url"

// QueryOf is the query by which an upload says its options.
func QueryOf(o FileOptions) url.Values { return o.query() }
