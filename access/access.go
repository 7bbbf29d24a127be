// Package access knows who calls: tenants and their credentials, and the signature by which a request proves both.
package access
