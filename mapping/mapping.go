// Package mapping makes entries of rows: it trims, normalises and checks what one row alone can be checked for, by the
// rules of the contract that the row came through and the settings of its tenant. It does no I/O.
package mapping

import (
	"context"

	"muster"
)

// Mapper normalises the rows of one batch. The zero Mapper is not usable; it is safe for concurrent use.
type Mapper struct {
	tenant     *muster.Tenant
	contract   muster.Contract
	actor      muster.AdminLevel
	federation *Federation // of ContractFederation
}

// New makes the mapper for a batch of a tenant. actor is the level of who submitted it; federation is the tenant's and
// may be nil for contracts other than [muster.ContractFederation].
func New(tenant *muster.Tenant, contract muster.Contract, actor muster.AdminLevel, federation *Federation) *Mapper {
	return &Mapper{tenant: tenant, contract: contract, actor: actor, federation: federation}
}

// Asks reports whether the entry of a row takes what the tenant's identity system says of the row's account. A row that
// fails anyway, and one that disables, do not: who is to lose his access must not keep it because a system is away.
func (m *Mapper) Asks(row *muster.Row) bool {
	return m.contract == muster.ContractFederation && row.Fault == nil && m.federation.asks(row)
}

// Entry makes an entry of a row. newID is the id of the user if the row comes to create one. identity is what the
// identity system said, nil where it was not asked. A row that breaks a rule gives an entry with a Fault; nothing makes
// Entry fail. Once ctx has ended, though, the entry of a row that a rule maps is worth nothing.
func (m *Mapper) Entry(ctx context.Context, row *muster.Row, newID muster.ID, identity *Identity) muster.Entry {
	e := muster.Entry{Action: row.Action, NewID: newID, Actor: m.actor, Fault: row.Fault}
	if e.Fault != nil {
		return e
	}
	switch m.contract {
	case muster.ContractKooDrive:
		m.kooDrive(row, &e)
	case muster.ContractFederation:
		m.federated(ctx, row, identity, &e)
	case muster.ContractNative:
		m.native(row, &e)
	default:
		e.Fault = invalid("", "Rows of this contract are not understood by this version.")
	}
	return e
}

func invalid(field, detail string) *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: detail}
}
