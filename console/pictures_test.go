package console_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"muster"
	"muster/access"
)

// maxPicture bounds what a picture of the documents has, in bytes.
const maxPicture = 150 << 10

// picture stores what a window of this size shows of the page in the documents' folder.
func (tb *tab) picture(name, scheme string, width, height int64) {
	tb.t.Helper()
	tb.prefers(scheme)
	tb.store(name, tb.screen(width, height))
	tb.prefers("light")
}

// detail stores the group of fields that an element is in.
func (tb *tab) detail(name, selector string) {
	tb.t.Helper()
	const around = 12 // pixels
	screen := tb.screen(wide, 3600)
	at := eval[struct{ X, Y, Width, Height float64 }](tb, fmt.Sprintf(`(() => {
		const box = document.querySelector(%s).closest("fieldset").getBoundingClientRect();
		return { X: box.x + scrollX, Y: box.y + scrollY, Width: box.width, Height: box.height };
	})()`, quoted(selector)))
	box := image.Rect(int(at.X), int(at.Y), int(at.X+at.Width), int(at.Y+at.Height)).Inset(-around)
	part := image.NewRGBA(image.Rect(0, 0, box.Dx(), box.Dy()))
	draw.Draw(part, part.Bounds(), screen, box.Min, draw.Src)
	tb.store(name, part)
}

// screen is what a window of this size shows of the page's beginning.
func (tb *tab) screen(width, height int64) image.Image {
	tb.t.Helper()
	tb.do(chromedp.EmulateViewport(width, height))
	eval[bool](tb, `(scrollTo(0, 0), true)`)
	shot, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	must(tb.t, err)
	screen, err := png.Decode(bytes.NewReader(shot))
	must(tb.t, err)
	return screen
}

// store keeps a picture in the documents' folder.
func (tb *tab) store(name string, picture image.Image) {
	tb.t.Helper()
	var file bytes.Buffer
	must(tb.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, paletted(picture)))
	if file.Len() > maxPicture {
		tb.t.Errorf("the picture %s has %d bytes", name, file.Len())
	}
	folder := filepath.Join("..", "docs", "images")
	must(tb.t, os.MkdirAll(folder, 0o755))
	must(tb.t, os.WriteFile(filepath.Join(folder, name+".png"), file.Bytes(), 0o644)) //nolint:gosec // a document
}

// paletted gives the picture 256 colours: first those that differ from each other, and of what is left those that most of it has. The
// others, of letters' edges, become the nearest one.
func paletted(screen image.Image) *image.Paletted {
	times := map[color.RGBA]int{}
	bounds := screen.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := screen.At(x, y).RGBA()
			times[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(times), func(a, b color.RGBA) int { return times[b] - times[a] })
	var palette color.Palette
	for _, apart := range []uint32{24 << 8, 0} { // a component's distance, of 1<<16
		for _, c := range colours {
			if len(palette) < 256 && !slices.ContainsFunc(palette, func(p color.Color) bool { return near(p, c, apart) }) {
				palette = append(palette, c)
			}
		}
	}
	few := image.NewPaletted(bounds, palette)
	draw.Draw(few, bounds, screen, bounds.Min, draw.Src)
	return few
}

// near reports whether no component of the colours differs by more.
func near(a, b color.Color, most uint32) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return max(ar, br)-min(ar, br) <= most && max(ag, bg)-min(ag, bg) <= most && max(ab, bb)-min(ab, bb) <= most
}

// tabOf is a tab in which somebody of this name is signed in.
func (c *company) tabOf(t testing.TB, tenant muster.ID, name string) *tab {
	t.Helper()
	email := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@aurora.example"
	_, i, err := c.operators.Invite(t.Context(), nil, access.NewOperator{Tenant: tenant, Name: name, Email: email, Role: muster.OperatorAdministrator})
	must(t, err)
	_, err = c.operators.Accept(t.Context(), i.Secret, rightPassword, loopback)
	must(t, err)
	tb := c.tab(t)
	tb.prefers("light")
	tb.open("/console/sign-in")
	tb.types("#email", email)
	tb.types("#password", rightPassword)
	tb.click("button.main")
	tb.sees(".top .who", name)
	return tb
}

// overviewPictures are of what an operator of the installation sees first.
func (c *company) overviewPictures(t testing.TB) {
	t.Helper()
	whole := c.tabOf(t, 0, "Maya Lindgren")
	whole.open("/console/account")
	whole.do(chromedp.SetValue(chromedp.CSS("#tenant-choice"), c.tenant.ID.String()))
	whole.click(".tenant button")
	whole.sees("h2", "Aurora Clinics")
	whole.open("/console/")
	whole.picture("overview", "light", wide, 1444)
	whole.picture("overview-dark", "dark", wide, 1444)
}

// pictures are all the others that the documents have.
func (c *company) pictures(t testing.TB) {
	t.Helper()
	tb := c.tabOf(t, c.tenant.ID, "Ravi Menon")
	tb.open("/console/import")
	tb.drops("#drop", "spring-intake.csv", "Login;Given name;Family name;E-mail;Mobile;Shoe size\n"+
		"lena.holm;Lena;Holm;lena.holm@aurora.example;+47 20 771 318;38\nomar.aziz;Omar;Aziz;omar.aziz@aurora.example;+47 20 771 319;44\n"+
		"nora.vik;Nora;Vik;nora.vik at aurora.example;+47 20 771 320;39\n")
	tb.sees("#columns .hint", "3 rows.")
	tb.picture("import", "light", wide, 1240)

	tb.open(batchAt(c.dry))
	tb.picture("dry-run", "light", wide, 1480)
	tb.open(batchAt(c.live))
	tb.sees("#live", "running")
	tb.picture("batch", "light", wide, 1180)
	tb.picture("batch-narrow", "light", 390, 844)
	tb.open("/console/users")
	tb.picture("users", "light", wide, 900)
	tb.open("/console/users/" + c.staff.ID.String())
	tb.picture("user", "light", wide, 1130)
	tb.open("/console/departments")
	eval[bool](tb, `[...document.querySelectorAll(".tree summary")].every(e => { e.click(); return true })`)
	tb.sees(".tree", "Cardiology")
	tb.picture("departments", "light", wide, 860)
	tb.open("/console/quotas")
	tb.picture("quotas", "light", wide, 750)

	tb.open("/console/credentials")
	tb.types("#name", "Rota planner")
	tb.click("section button.main")
	tb.sees("h1", "Secret of")
	eval[bool](tb, `(() => {
		const appID = document.querySelector("#app-id").innerText;
		document.querySelector("#secret").innerText = "sample-secret-that-opens-nothing-at-all";
		for (const e of document.querySelectorAll("main code, main h1, .way a")) e.innerText = e.innerText.replaceAll(appID, "SAMPLEAPPID000000000");
		for (const e of document.querySelectorAll("main code")) e.innerText = e.innerText.replaceAll(location.origin, "https://muster.aurora.example");
		return true;
	})()`)
	tb.picture("credential", "light", wide, 880)
	c.picturesOfRules(tb)
}

// picturesOfRules tries a mapping rule that is wrong, and one that is not.
func (c *company) picturesOfRules(tb *tab) {
	tb.t.Helper()
	tb.open("/console/federation")
	tb.do(chromedp.SendKeys(chromedp.CSS(`[name="mapping.displayName"]`), `userName != "" ? userNam : account`))
	tb.types(`[name="row.userAccount"]`, "lena.holm")
	tb.types(`[name="row.userName"]`, "Lena Holm")
	tb.types(`[name="row.email"]`, "Lena.Holm@aurora.example")
	tb.click("#try")
	tb.sees(".marked mark", "u")
	tb.detail("federation", `[id="mapping.displayName"]`)
	tb.types(`[name="mapping.displayName"]`, `userName != "" ? userName : account`)
	tb.click("#try")
	tb.sees("#mapped", "Lena Holm")
	tb.detail("federation-trial", "#trial-result")
}
