// Package access knows who calls: tenants and their credentials, the signature by which a request proves both, the sign-in by
// which a user does, the tokens that stand in for either, and the links by which users set their passwords.
package access
