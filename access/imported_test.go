package access_test

import (
	"testing"

	"muster"
	"muster/access"
	"muster/password"
)

// TestAnImportedHashIsReplaced at the first sign-in with the right password, by one of ours, whatever its format; and no
// token ends by that. The hashes are of password/testdata.
func TestAnImportedHashIsReplaced(t *testing.T) {
	t.Parallel()
	const known = "Q!@1assword"
	for name, imported := range map[string]string{
		"bcrypt, 2a": "$2a$04$jQmzY.Q/EujuojJsS4p8eOeHKbNYWp3op4dRtR7yYZX426nwuU7ha",
		"bcrypt, 2b": "$2b$04$0tLBL63tQ4E0M9QDLkMaG.ym/4ZPj71I0i2F0aR/RPededMjAWoue",
		"bcrypt, 2y": "$2y$04$FC7g.ZB3im.BEC2Eul5FWe.jShplq4RHirrJxDZ1GcOu3d/SeS5VW",
		"Argon2i":    "$argon2i$v=19$m=128,t=2,p=2$WQtBaK1VKqXUeo+x1lrL+Q$Hey/29tFqrVwofFaWMFJgw",
		"Argon2id":   "$argon2id$v=19$m=1024,t=3,p=1$ZUlkYWxkNXZ1cGNTWlIzNQ$5ovASNaKKXu77/smDlHWRHuv912ucpZjBCQEwNDPscM",
		"scrypt":     "$scrypt$ln=8,r=8,p=2$OwdA6P1fa80Zw1hrrVVqDQ$NXkIZi8CZooauKUogKy9Q3D1K2bQ2w02FWEbLvNkIks",
		"scrypt, s0": "$s0$b0801$AAECAwQFBgcICQoLDA0ODw==$xJP6t5o47UMK51f+n2GvCDtBohevrqJacwDt+PyzB9Q=",
		"Firebase": "$firescrypt$ln=8,r=8,p=1$bpmvpoHb/Ecjsg==$i/RdME+VMO3flHJvfpDeduuwdq4ex21MiPGb/OWgjQvZVbshK2q6W38MKNkJwTBK8kMXzh7Yh1IYrGY8O6Km4A==$Bw==$" +
			"Y4Rm1IrOwHkNbGRbpYKDwwIwGfdYnuH064sQpr/VEsQPvNO81wCGlZ4JUpRPVqG8jyO2V7RXu9594m+irfIR/A==",
		"PBKDF2, SHA-1": "$pbkdf2$1000$DqEUYqw1hpCy1noPQShFyA$4rX0ev6aH/bLZmqFfMTddkUScJg",
		"PBKDF2":        "$pbkdf2-sha256$1000$JQTgfO89R6j1ntM6RwgBgA$85QVyo.VYFBvX0mHwGKNv99lHgg0FLH4KSbhk7FhJvU",
		"Django":        "pbkdf2_sha256$1500$Zr8Nqk1vTOHx4YbLw2eMfa$S8EQpotn1ffvGd0tZTwo+opyq/qF7AmkkY16XEUEQ+M=",
		"SHA":           "{SHA}qYJ5ut8QVLHjqaLH6gnFbKTeuYM=",
		"SSHA":          "{SSHA}iRiAq83e6q+0kY44mpDzvnKT9sCT0ro3",
		"SSHA512":       "{SSHA512}yQDIsQzrk/auYP3SuT524LdOWqDviBa0oLYn8eKTrFvQDpPu3Bc4v9Z0KNHP2b7YHce1xV8Tu0moK/hDoi9fj7d2jhGi9B7j",
		"md5crypt":      "$1$eHqeLd2/$oQ11yRDdiMYIrlAilX/2j0",
		"Apache":        "$apr1$m3NHoDHZ$KzOeFi8TnSp6K37POibY1/",
		"SHA-256-crypt": "$5$rounds=1001$wiLmAcvxKZxM22sC$1cXcouPANJDeJZ38CYwjfPhdkQvUqFKO9f8RIIu.Md1",
		"SHA-512-crypt": "$6$rounds=1001$Hb9wZOl0i6JTvgdw$nVODc4A8ZSLwtTu1bK16//DO7wOG4Gq4fzRm619.BsWkV3i5FebAk3dUJY63JPcbXXb05OYi.irIrsvYBqVnh.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setupPeople(t)
			ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
			before := p.signIn(t, "ann", rightPassword)
			stored, err := password.ParseImported(imported)
			must(t, err)
			p.rewrite(t, ann, func(u *muster.User) { u.PasswordHash = stored })

			for _, wrong := range []string{rightPassword, "", known[:10], imported, stored} {
				_, err := p.sessions().SignIn(t.Context(), p.request("ann", wrong))
				refused(t, err, muster.KindUnauthenticated)
			}
			if p.user(t, ann).PasswordHash != stored {
				t.Error("a wrong password replaced the hash")
			}
			first := p.signIn(t, "ann", known)
			now := p.user(t, ann).PasswordHash
			if ok, outdated, err := (password.Hasher{Params: cheap}).Verify(now, []byte(known)); !ok || outdated || err != nil {
				t.Errorf("the new hash: right = %v, outdated = %v, %v", ok, outdated, err)
			}
			p.signIn(t, "ann", known)
			if p.user(t, ann).PasswordHash != now {
				t.Error("the new hash was replaced, too")
			}
			for _, session := range []*access.Session{before, first} {
				if p.speaksFor(t, session.AccessToken) != ann {
					t.Error("a token ended")
				}
			}
		})
	}
}
