package native_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

var (
	style  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	loaded = regexp.MustCompile(`(?i)<script|<img|<link|<iframe|<object|\bon\w+=|url\(|@import`)
	target = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
)

// TestThePageShowsTheAPI: both sides have a page of all their operations, which loads nothing and runs nothing.
func TestThePageShowsTheAPI(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	for side, ask := range map[string]func(path string) (int, string, string){
		"public": func(path string) (int, string, string) {
			status, header, page := o.do(o.request("GET", path, ""))
			return status, header.Get("Content-Security-Policy"), page
		},
		"operator": func(path string) (int, string, string) {
			status, header, page := o.ask("GET", path, "")
			return status, header.Get("Content-Security-Policy"), page
		},
	} {
		status, policy, page := ask("/docs")
		found := style.FindStringSubmatch(page)
		if status != 200 || found == nil {
			t.Fatalf("%s: %d %s", side, status, page)
		}
		sum := sha256.Sum256([]byte(found[1]))
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("%s: the policy %q is not of the page's style", side, policy)
		}
		if bad := loaded.FindString(page); bad != "" {
			t.Errorf("%s: the page has %q", side, bad)
		}
		for _, link := range target.FindAllStringSubmatch(page, -1) {
			if to := link[1]; to != "openapi.json" && !strings.Contains(page, `id="`+strings.TrimPrefix(to, "#")+`"`) {
				t.Errorf("%s: the page leads to %s", side, to)
			}
		}
		status, _, text := ask("/openapi.json")
		var doc struct {
			OpenAPI string
			Paths   map[string]map[string]struct {
				OperationID string `json:"operationId"`
				Summary     string
				Security    []any
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil || status != 200 || !strings.HasPrefix(doc.OpenAPI, "3.1") {
			t.Fatalf("%s: %d %v, OpenAPI %s", side, status, err, doc.OpenAPI)
		}
		for path, methods := range doc.Paths {
			if side == "public" && strings.Contains(path, "tenants") || (side == "public") != (methods["get"].Security != nil || methods["post"].Security != nil || methods["put"].Security != nil || methods["patch"].Security != nil) {
				t.Errorf("%s: %s is described as %+v", side, path, methods)
			}
			for method, op := range methods {
				if !strings.Contains(page, `<article id="`+op.OperationID+`">`) || !strings.Contains(page, strings.ToUpper(method)+" /api/v1"+path+"</code>") {
					t.Errorf("%s: %s %s is not on the page", side, method, path)
				}
			}
		}
	}
}
