package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"muster"
	"muster/provision"
)

// Trier finds out what would become of federated users: by createTask's checks, the engine, and queryTask's codes.
type Trier struct {
	Profiles Profiles
	Engine   TryEngine
}

// TryEngine tells what would become of a row; [*provision.Engine] does.
type TryEngine interface {
	Try(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, row *muster.Row) (*provision.Trial, error)
}

// TryFederated tells what would become of a user if he were the only one of a list, and changes nothing. profile is tried in the
// place of the tenant's, nil being the tenant's own; it was checked. KindNotFound if there is no such tenant.
func (t *Trier) TryFederated(
	ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, user *muster.FederatedUser,
) (*muster.FederationTrial, error) {
	if profile == nil {
		var err error
		if profile, err = t.Profiles.FederationProfile(ctx, tenant); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(user)
	if err != nil {
		return nil, fmt.Errorf("encode a user: %w", err)
	}
	row, verdict, err := readUser(text, profile)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return &muster.FederationTrial{Result: muster.ResultRejected, Code: verdict.code, Message: verdict.message}, nil
	}
	trial, err := t.Engine.Try(ctx, tenant, profile, row)
	if err != nil {
		return nil, err
	}
	verdict = verdictOf(&trial.Outcome)
	result := &muster.FederationTrial{Result: trial.Outcome.Result.String(), Code: verdict.code, Message: verdict.message}
	if trial.Outcome.Reason != muster.ReasonNone {
		result.Reason = trial.Outcome.Reason.String()
		result.Field, result.Detail = trial.Outcome.Field, trial.Outcome.Detail
	}
	if trial.Entry.Fault == nil {
		result.User = mappedUser(&trial.Entry, trial.Outcome.User)
	}
	return result, nil
}

// mappedUser is what an entry sets of the user; id is his, if he is there already.
func mappedUser(e *muster.Entry, id muster.ID) *muster.MappedUser {
	u := &muster.MappedUser{ID: id, Account: e.User.Account}
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

// verdict is what the contract says about one user: with code "" nothing.
type verdict struct{ code, message string }

// readUser reads one element of a federationUserList as createTask does, for a tenant of the profile. With a verdict, which
// is the resultCode and resultMessage of the call, there is no row. An error refuses the text as malformed.
func readUser(text []byte, profile *muster.FederationProfile) (*muster.Row, verdict, error) {
	list := append([]byte(`{"federationUserList":[`), text...)
	users, listed, err := decodeUsers(append(list, "]}"...))
	if err != nil {
		return nil, verdict{}, err
	}
	limits := limitsOf(profile)
	rows, err := checkUsers(users, listed, &limits)
	var no *rejection
	if errors.As(err, &no) {
		return nil, verdict{no.code, no.message}, nil
	}
	if err != nil {
		return nil, verdict{}, err
	}
	return &rows[0], verdict{}, nil
}

// verdictOf is the failCode and failMessage with which queryTask lists a row; none of one that succeeded.
func verdictOf(o *muster.Outcome) verdict {
	if o.Result == muster.Succeeded {
		return verdict{}
	}
	code, message := failOf(o)
	return verdict{code, message}
}
