// Package access knows who calls: tenants and their credentials, the signature by which a request proves both, and the tokens
// that stand in for one.
package access
