package console

import (
	"net/http"

	"muster"
	"muster/access"
)

func signInRoutes() []route {
	return []route{
		{pattern: "GET /sign-in", open: true, page: (*visit).askSignIn},
		{pattern: "POST /sign-in", open: true, action: "sign-in", page: (*visit).signIn},
		{pattern: "GET /sign-in/provider", open: true, page: (*visit).leaveForProvider},
		{pattern: "GET /sign-in/callback", open: true, action: "sign-in", page: (*visit).comeFromProvider},
		{pattern: "POST /sign-out", installation: true, action: "sign-out", page: (*visit).signOut},
		{pattern: "GET /invitation/{secret}", open: true, page: (*visit).invitation},
		{pattern: "POST /invitation/{secret}", open: true, action: "accept-invitation", page: (*visit).acceptInvitation},
		{pattern: "POST /tenant", installation: true, action: "", page: (*visit).switchTenant},
		{pattern: "GET /account", installation: true, page: (*visit).account},
		{pattern: "POST /account", installation: true, action: "change-operator", page: (*visit).changeAccount},
	}
}

// signInForm is what was typed.
type signInForm struct {
	Email string
	Next  string
	Said  string // why not
}

func (v *visit) askSignIn() error {
	if v.operator != nil {
		return v.goTo("/", "")
	}
	return v.showSignIn(http.StatusOK, signInForm{Next: v.r.URL.Query().Get("next")})
}

func (v *visit) showSignIn(status int, f signInForm) error {
	return v.show(status, signInPage(v, f))
}

// errPlain keeps passwords off a wire on which others could read them.
var errPlain = &muster.Error{
	Kind: muster.KindForbidden, Detail: "Nobody can sign in here, since others could read along: have the server serve HTTPS, or say with --public-url at which " +
		"HTTPS address a proxy does.",
}

func (v *visit) signIn() error {
	if v.Transport == Plain {
		return errPlain
	}
	f := signInForm{Email: v.form("email"), Next: v.form("next")}
	secret, _, err := v.Operators.SignIn(v.ctx(), access.OperatorSignIn{
		Email: f.Email, Password: v.secretField("password"), Address: v.address(), Began: v.Now(),
	})
	if err != nil {
		wrong, status, err := v.faultsOf(err)
		if err != nil {
			return err
		}
		f.Said = wrong[""]
		return v.showSignIn(status, f)
	}
	return v.enter(secret, f.Next)
}

// enter begins a session in the browser. One that it had before ends.
func (v *visit) enter(secret, next string) error {
	if v.secret != "" {
		if err := v.Operators.SignOut(v.ctx(), v.secret); err != nil {
			return err
		}
	}
	v.setCookie(sessionCookie, secret, 0)
	if !local(next) {
		next = "/"
	}
	return v.goTo(next, "")
}

func (v *visit) signOut() error {
	if err := v.Operators.SignOut(v.ctx(), v.secret); err != nil {
		return err
	}
	v.dropCookie(sessionCookie)
	v.dropCookie(tenantCookie)
	return v.goTo("/sign-in", v.T("You are signed out."))
}

// passwordForm is what is wrong with a password that was typed twice.
type passwordForm struct{ faults faults }

func (v *visit) invitation() error {
	o, err := v.Operators.Look(v.ctx(), v.r.PathValue("secret"), v.address())
	if err != nil {
		return v.refuseInvitation(err)
	}
	return v.show(http.StatusOK, invitationPage(v, o, passwordForm{}))
}

// refuseInvitation says with 404 that there is no such invitation.
func (v *visit) refuseInvitation(err error) error {
	if muster.KindOf(err) == muster.KindUnauthenticated {
		_, said := v.refusal(err)
		return v.show(http.StatusNotFound, refusalPage(v, http.StatusNotFound, said))
	}
	return err
}

func (v *visit) acceptInvitation() error {
	if v.Transport == Plain {
		return errPlain
	}
	secret := v.r.PathValue("secret")
	password := v.secretField("password")
	if password != v.secretField("again") {
		o, err := v.Operators.Look(v.ctx(), secret, v.address())
		if err != nil {
			return v.refuseInvitation(err)
		}
		return v.show(http.StatusUnprocessableEntity, invitationPage(v, o, passwordForm{faults{"again": v.T("The two passwords differ.")}}))
	}
	_, err := v.Operators.Accept(v.ctx(), secret, password, v.address())
	if muster.KindOf(err) == muster.KindInvalid {
		wrong, status, err := v.faultsOf(err, "password")
		if err != nil {
			return err
		}
		o, err := v.Operators.Look(v.ctx(), secret, v.address())
		if err != nil {
			return v.refuseInvitation(err)
		}
		return v.show(status, invitationPage(v, o, passwordForm{wrong}))
	}
	if err != nil {
		return v.refuseInvitation(err)
	}
	return v.goTo("/sign-in", v.T("Your password is set: sign in with it."))
}

// switchTenant has other pages show another tenant's things.
func (v *visit) switchTenant() error {
	id, err := muster.ParseID(v.form("tenant"))
	if err != nil {
		return errForm
	}
	tenant, err := v.Tenants.Tenant(v.ctx(), id)
	if err != nil {
		return err
	}
	if !v.operator.Sees(id) {
		return v.nowhere()
	}
	v.setCookie(tenantCookie, id.String(), 0)
	return v.goTo("/", v.T("You see tenant %s now.", tenant.Name))
}

func (v *visit) account() error { return v.show(http.StatusOK, accountPage(v)) }

func (v *visit) changeAccount() error {
	language := v.form("language")
	o, err := v.Operators.Change(v.ctx(), v.operator, v.operator.ID, access.OperatorChange{Language: &language})
	if err != nil {
		return err
	}
	v.words = v.wordsFor(o, v.r)
	return v.goTo("/account", v.T("Your settings are stored."))
}
