// Package password hashes and checks passwords, and says which ones are good enough.
//
// A [Hasher] makes and verifies Argon2id hashes (RFC 9106) in the PHC string format, and verifies those of other systems
// that [ParseImported] accepts. A [Pool] bounds how many are made at once, and so processor and memory, and keeps a share
// for people who sign in while a batch of thousands is hashed. A [Policy] is a tenant's rules for new passwords.
//
// No error of this package holds a password, a hash, or what was compared with them.
package password
