// Package secret seals what may not lie on a disk in the clear, and keeps the keys for it.
//
// There are three levels. The master key lives outside the database, in a file or a key management service, and wraps
// the key-encryption keys: 32 random bytes each, numbered by version, kept wrapped in the database. A key-encryption
// key wraps data keys, one for each batch, and seals small secrets such as a credential's. A [DataKey] seals payload
// blocks. So a batch is forgotten by deleting 65 bytes, and either upper level is rotated without touching a payload.
//
// Everything but the master's own wrapping is AES-256-GCM with random 96-bit nonces. What is sealed is bound to where
// it belongs by additional data, for which [Binding] is the encoding: moved to another tenant, batch or purpose, it
// does not open.
//
// Key material is wiped where this package holds it as bytes. The expanded AES keys that crypto/aes keeps, and copies
// that the runtime makes of stacks, are out of reach.
package secret
