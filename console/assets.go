package console

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFolder embed.FS

// assetFiles are the files that pages load. A file's address holds a hash of what is in it, so that browsers may keep it.
type assetFiles struct {
	files  map[string][]byte
	hashes map[string]string
}

const assetDir = "assets"

// readAssets reads what is built in.
func readAssets() *assetFiles {
	a := &assetFiles{files: map[string][]byte{}, hashes: map[string]string{}}
	entries, err := assetFolder.ReadDir(assetDir)
	if err != nil {
		panic(err) // it is built in
	}
	for _, e := range entries {
		body, err := assetFolder.ReadFile(path.Join(assetDir, e.Name()))
		if err != nil {
			panic(err)
		}
		hash := sha256.Sum256(body)
		a.files[e.Name()], a.hashes[e.Name()] = body, base64.RawURLEncoding.EncodeToString(hash[:9])
	}
	return a
}

// asset is the address of a file.
func (v *visit) asset(name string) string {
	return v.path("/", assetDir, "/", name, "?v=", v.assets.hashes[name])
}

func (a *assetFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	body, ok := a.files[name]
	if !ok || !strings.HasSuffix(r.URL.Path, "/"+assetDir+"/"+name) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetType(name))
	if r.URL.Query().Get("v") == a.hashes[name] {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(body) // who has gone needs no answer
}

// assetType does not ask the operating system, as mime does for types that it does not know.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return mime.TypeByExtension(".svg")
	default:
		return "text/plain; charset=utf-8"
	}
}
