package client

import "net/url"

// QueryOf is the query by which an upload says its options.
func QueryOf(o FileOptions) url.Values { return o.query() }

// QueryOfUsers is the query by which users are asked for.
func QueryOfUsers(q UserQuery) url.Values { return q.query() }
