// Package mapping makes entries of rows: it trims, normalises and checks what one row alone can be checked for, by the
// rules of the contract that the row came through and the settings of its tenant. It does no I/O.
package mapping

import (
	"muster"
)

// Mapper normalises the rows of one batch. The zero Mapper is not usable; it is safe for concurrent use.
type Mapper struct {
	tenant   *muster.Tenant
	contract muster.Contract
	actor    muster.AdminLevel
}

// New makes the mapper for a batch of a tenant. actor is the level of who submitted it.
func New(tenant *muster.Tenant, contract muster.Contract, actor muster.AdminLevel) *Mapper {
	return &Mapper{tenant: tenant, contract: contract, actor: actor}
}

// Entry makes an entry of a row. newID is the id of the user if the row comes to create one. A row that breaks a rule
// gives an entry with a Fault; nothing makes Entry fail.
func (m *Mapper) Entry(row *muster.Row, newID muster.ID) muster.Entry {
	e := muster.Entry{Action: row.Action, NewID: newID, Actor: m.actor, Fault: row.Fault}
	if e.Fault != nil {
		return e
	}
	switch m.contract {
	case muster.ContractKooDrive:
		m.kooDrive(row, &e)
	default:
		e.Fault = invalid("", "Rows of this contract are not understood by this version.")
	}
	return e
}

func invalid(field, detail string) *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: detail}
}
