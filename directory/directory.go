// Package directory is what administrators see and change of a tenant outside of batches: its departments and its users.
package directory
