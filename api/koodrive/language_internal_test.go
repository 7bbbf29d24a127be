package koodrive

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"muster"
	"muster/mapping"
)

// unsaid are sentences of the packages that speak which no caller of this contract can get.
var unsaid = map[string]string{
	"an id is a decimal number of 1 to 19 digits without leading zeros":        "is said anew by every contract",
	"an id is a decimal number of 1 to 19 digits, at most 9223372036854775807": "is said anew by every contract",
	"open the link again.":                      "pages have words of their own",
	"The batch does not exist.":                 "what does not exist gets one answer",
	"The tenant does not exist.":                "what does not exist gets one answer",
	"The token does not exist, or has expired.": "what does not exist gets one answer",
	"The key came with another body before: a new request needs a key of its own.":                                                                 "federation contract",
	"The token is not one of this key, or it has expired: get a new one.":                                                                          "federation contract",
	"a token's life is 1 to 7 whole seconds.":                                                                                                      "federation contract",
	"7 lanes wait out a fault and will be tried again":                                                                                             "readyz",
	"No enabled credential has this key and this secret.":                                                                                          "the token endpoints of other contracts",
	"The password has to be changed before the next sign-in: follow the link to set another.":                                                      "is said anew, with the link's name",
	"The department does not exist.":                                                                                                               "what does not exist gets one answer",
	"The parent department does not exist.":                                                                                                        "what does not exist gets one answer",
	"the database's schema is of version 7 and this program knows versions up to 7: run the newer muster that wrote it":                            "at the start of a copy",
	"the database's schema is of version 7 and this program's is 7: start a server of this version on the folder once, which brings it up to date": "at the start of a copy",
	"The database holds a complete copy of this installation already.":                                                                             "at the start of a copy",
	"The database holds an unfinished copy of another installation: choose an empty one.":                                                          "at the start of a copy",
	"The database holds an installation already: choose an empty one.":                                                                             "at the start of a copy",
	"All 1024 node numbers are taken: stop processes that use the database, or wait for a minute if they were killed.":                             "at the start of a node",
	"The tenant has a department with this id.":                                                                                                    "ids are not brought along here",
	"id must be an id of the past: of 63 bits, with a time not after now.":                                                                         "ids are not brought along here",
	"7 cannot be that. A slash is not accepted.":                                                                                                   "of names of departments, which the tests of these go through",
	"Nothing was done, since other rows of the batch would not end as the dry run predicted.":                                                      "dry runs are of our own API",
	"It is empty.": "accounts are not looked for here",
	"There is nothing to change: departmentId, adminLevel and disabled are accepted.":                                                  "is said before, with this contract's names",
	"There is nothing to change: name and parentId are accepted.":                                                                      "is said before, with this contract's names",
	"adminLevel must be 0 (department administrator), 1 (common user), 2 (system administrator) or 5 (manager).":                       "is said before, with this contract's names",
	"keyword must be at most 7 bytes long.":                                                                                            "is said before, with this contract's names",
	"SignedHeaders must name X-User-Id, or the request leave it out.":                                                                  "of our own API",
	"There is nothing to change: any field of a user but his password is accepted.":                                                    "of our own API",
	"7 must have at least one character.":                                                                                              "of our own API",
	"7 must be at most 7 bytes long.":                                                                                                  "of our own API",
	"Who has a role is listed for the tenant as a whole, without keyword.":                                                             "of the console",
	"cursor is of another search.":                                                                                                     "of our own API",
	"cursor must be nextCursor of the page before, of the same list.":                                                                  "of our own API",
	"Several departments are called so: name one by its path.":                                                                         "of our own API",
	"The tenant has no role 7.":                                                                                                        "of our own API",
	"scopes must be of read, provision and administer.":                                                                                "of our own API",
	"1 to 20 digits are accepted, with + or 00 in front if international, and spaces or dashes between.":                               "of our own API",
	"offset must be 0 or more users.":                                                                                                  "is said before, with this contract's names",
	"Nobody who administers something is disabled for being absent from a source.":                                                     "of reconciliations",
	"The delivery does not exist.":                                                                                                     "of our own API",
	"The tenant has 7 webhooks, which is the most: delete one first.":                                                                  "of our own API",
	"The webhook does not exist.":                                                                                                      "of our own API",
	"The webhook is disabled: enable it first.":                                                                                        "of our own API",
	"The batch that this one is made of does not exist.":                                                                               "of our own API",
	", but for another user.":                                                                                                          "dry runs are of our own API",
	"The rows of the dry run are no longer held: make it again.":                                                                       "of our own API",
	"The rows of the dry run are no longer held: send them again.":                                                                     "of our own API",
	"The batch takes no more rows: it was accepted, given up, or waited for too long.":                                                 "of our own API",
	"The batch takes no more rows: it was accepted or given up, or nothing was added to it for an hour.":                               "of our own API",
	"The user is of another source.":                                                                                                   "of reconciliations",
	"The user is of no source, and this row adopts nobody.":                                                                            "of reconciliations",
	"The user would have no name left: a firstName or a displayName has to stay.":                                                      "nothing is taken from users here",
	"The user would have nothing left to sign in with: an account, a phone or, where no two share one, an e-mail address has to stay.": "nothing is taken from users here",
	"role must be viewer, operator or administrator.":                                                                                  "of operators, to whom the console speaks",
	"Only an administrator changes other operators, or what an operator may do.":                                                       "of operators, to whom the console speaks",
	"The operator signs in with an identity provider, and has no password here.":                                                       "of operators, to whom the console speaks",
	"The operator does not exist.":                                                                                                     "of operators, to whom the console speaks",
	"The identity provider gives you no role in this console: ask who administers it there.":                                           "of operators, to whom the console speaks",
	"You are disabled in this console: ask who administers it.":                                                                        "of operators, to whom the console speaks",
	"An operator with this e-mail address exists.":                                                                                     "of operators, to whom the console speaks",
	"An operator with this identity exists.":                                                                                           "of operators, to whom the console speaks",
	"The session has ended: sign in again.":                                                                                            "of operators, to whom the console speaks",
	"The session does not exist, or has expired.":                                                                                      "of operators, to whom the console speaks",
	"Nobody changes his own role, disables or removes himself: ask another administrator.":                                             "of operators, to whom the console speaks",
	"language must be a tag of at most 7 characters, such as en or zh-CN.":                                                             "of operators, to whom the console speaks",
	"No enabled operator has this e-mail address and this password.":                                                                   "of operators, to whom the console speaks",
	"The invitation is unknown, has expired, or was used before: ask for a new one.":                                                   "of operators, to whom the console speaks",
	"It 7.": "of the password policy, which TestThePasswordPolicySpeaksChinese goes through",
}

// TestEverySentenceHasATranslation goes through all sentences of the code that can reach a caller.
func TestEverySentenceHasATranslation(t *testing.T) {
	t.Parallel()
	l := newLanguages().chinese
	sentences := sentencesOf(t)
	for s, dir := range sentences {
		if unsaid[s] == "" {
			checkTranslated(t, dir, s, l.translate(s))
		}
	}
	for s := range unsaid {
		if sentences[s] == "" {
			t.Errorf("%q is said nowhere", s)
		}
	}
	if len(sentences)-len(unsaid) < 50 {
		t.Errorf("found %d sentences: they are looked for in the wrong place", len(sentences))
	}
}

var english = regexp.MustCompile(`[A-Za-z]+ [a-z]+ [a-z]+`)

func checkTranslated(t *testing.T, where, sentence, translated string) {
	t.Helper()
	if !isChinese(translated) || english.MatchString(translated) || strings.Contains(translated, "%!") {
		t.Errorf("%s: %q became %q", where, sentence, translated)
	}
	if n := strings.Count(sentence, "7"); strings.Count(translated, "7") > n {
		t.Errorf("%s: %q has %d arguments, and became %q", where, sentence, n, translated)
	}
}

func isChinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// TestTheLexiconIsSound: every entry is found, says all that its English says, and is there once.
func TestTheLexiconIsSound(t *testing.T) {
	t.Parallel()
	l := newLanguages().chinese
	seen := map[string]bool{}
	for _, e := range chinese {
		if seen[e.english] {
			t.Errorf("%q is there twice", e.english)
		}
		seen[e.english] = true
		n := strings.Count(e.english, "%s")
		if n == 0 {
			if got := l.translate(e.english); got != e.other {
				t.Errorf("%q became %q, want %q", e.english, got, e.other)
			}
			continue
		}
		said, want := e.english, e.other
		for i := range n {
			argument := fmt.Sprintf("<%d>", i)
			said = strings.Replace(said, "%s", argument, 1)
			if indexed := fmt.Sprintf("%%[%d]s", i+1); strings.Contains(want, indexed) {
				want = strings.Replace(want, indexed, argument, 1)
			} else {
				want = strings.Replace(want, "%s", argument, 1)
			}
		}
		if got := l.translate(said); got != want || strings.Contains(want, "%s") {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
		if strings.HasSuffix(e.english, ".") != strings.HasSuffix(e.other, "。") && n > 0 && strings.HasSuffix(e.english, ".") {
			t.Errorf("%q has no full stop: %q", e.english, e.other)
		}
	}
}

// TestThePasswordPolicySpeaksChinese goes through the policy's rules as they fail rows.
func TestThePasswordPolicySpeaksChinese(t *testing.T) {
	t.Parallel()
	l := newLanguages().chinese
	mapper := mapping.New(&muster.Tenant{}, muster.ContractKooDrive, muster.LevelSystemAdmin, nil)
	for password, want := range map[string]string{
		"\xff":                "必须是有效的 UTF-8 文本。",
		"short":               "必须为 8 到 128 个字符。",
		"lowercase-alone":     "必须至少包含小写字母、大写字母、数字和符号四类中的 3 类。",
		"Correct-27100000001": "不得包含 4 个字符以上的电话号码、姓名的一部分或电子邮件地址 @ 之前的部分，不区分大小写。",
	} {
		row := muster.Row{
			Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldPhone | muster.FieldPassword,
			FirstName: "Ada", Phone: "27100000001", Password: password,
		}
		e := mapper.Entry(context.Background(), &row, 1, nil)
		if e.Fault == nil {
			t.Fatalf("%q is accepted", password)
		}
		_, got := codeOf(&muster.Outcome{Reason: e.Fault.Reason, Field: e.Fault.Field, Detail: e.Fault.Detail}, tongue{l})
		if got != "password："+want {
			t.Errorf("%q became %q", e.Fault.Detail, got)
		}
	}
}

// TestSayKeepsArguments: what was formatted into a sentence comes out again, and what nobody knows stays.
func TestSayKeepsArguments(t *testing.T) {
	t.Parallel()
	l := tongue{newLanguages().chinese}
	for sentence, want := range map[string]string{
		"1 to 64 characters are accepted.":                                                                         "可接受 1 到 64 个字符。",
		"The request target has a %00.":                                                                            "请求目标中有 %00。",
		"userList[7] must be an object.":                                                                           "userList[7] 必须是对象。",
		"The body is nested more than 64 levels deep.":                                                             "请求体的嵌套超过 64 层。",
		"The body is nested more than 64 levels deep in userList[12].":                                             "请求体的嵌套超过 64 层（userList[12]）。",
		"A name occurs twice in one object; names must be unique.":                                                 "同一对象中有名称重复；名称必须唯一。",
		"userList is missing; the body must be " + acceptedBody + ".":                                              "缺少 userList；请求体必须是UTF-8 编码的 JSON 对象，其中 userList 是含 1 到 1000 个对象的数组。",
		"With this batch more than 2000000 rows of the tenant would be waiting: send it again when some are done.": "加上本批次，租户排队的数据将超过 2000000 行：请待部分完成后重新发送。",
		"The body is not well-formed JSON at byte 13 in userList[0]; it must be x.":                                "请求体在第 13（userList[0]） 字节处不是格式正确的 JSON；请求体必须是x。",
		"%s is missing.":                 "缺少 %s。",
		"%d%!s(MISSING) is missing.":     "缺少 %d%!s(MISSING)。",
		"A sentence of a later version.": "A sentence of a later version.",
		"":                               "",
	} {
		if got := l.say(sentence); got != want {
			t.Errorf("%q became %q, want %q", sentence, got, want)
		}
		if got := (tongue{}).say(sentence); got != sentence {
			t.Errorf("in English %q became %q", sentence, got)
		}
	}
	if got := l.sayf("%s is missing.", "%s 100% The user already exists."); got != "缺少 %s 100% The user already exists.。" {
		t.Errorf("sayf gave %q", got)
	}
}
