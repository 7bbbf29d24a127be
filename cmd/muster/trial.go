package main

import (
	"context"
	"encoding/json"
	"fmt"

	"muster"
	"muster/api/federation"
	"muster/api/native"
	"muster/provision"
)

// trier finds out what would become of federated users, for the native API: by createTask's checks, the engine, and
// queryTask's codes.
type trier struct {
	store  provision.Store
	engine *provision.Engine
}

// TryFederated is [native.FederationTrier].
func (t *trier) TryFederated(ctx context.Context, tenant muster.ID, user *native.FederatedUser) (*native.FederationTrial, error) {
	profile, err := t.store.FederationProfile(ctx, tenant)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(user)
	if err != nil {
		return nil, fmt.Errorf("encode a user: %w", err)
	}
	row, verdict, err := federation.ReadUser(text, profile)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return &native.FederationTrial{Result: "rejected", Code: verdict.Code, Message: verdict.Message}, nil
	}
	trial, err := t.engine.Try(ctx, tenant, muster.ContractFederation, muster.LevelSystemAdmin, row)
	if err != nil {
		return nil, err
	}
	verdict = federation.VerdictOf(&trial.Outcome)
	result := &native.FederationTrial{Result: trial.Outcome.Result.String(), Code: verdict.Code, Message: verdict.Message}
	if trial.Outcome.Reason != muster.ReasonNone {
		result.Reason = trial.Outcome.Reason.String()
		result.Detail = trial.Outcome.Detail
	}
	if trial.Entry.Fault == nil {
		result.User = mappedUser(&trial.Entry, trial.Outcome.User)
	}
	return result, nil
}

// mappedUser is what an entry sets of the user; id is his, if he is there already.
func mappedUser(e *muster.Entry, id muster.ID) *native.MappedUser {
	u := &native.MappedUser{ID: id, Account: e.User.Account}
	if e.Set.Has(muster.FieldDisplayName) {
		u.Name = &e.User.DisplayName
	}
	if e.Set.Has(muster.FieldEmail) {
		u.Email = &e.User.Email
	}
	if e.Set.Has(muster.FieldRoles) {
		u.RoleIDs = append([]muster.ID{}, e.User.Roles...)
	}
	return u
}
