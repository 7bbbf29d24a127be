package mapping

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

const (
	maxPattern = 256  // bytes of a regular expression
	maxProgram = 2000 // instructions of a compiled one
	costBytes  = 10   // of text that cost one, as in CEL's own functions
)

// standardLibrary is CEL's, but for matches: its cost goes by the length of the pattern, while a short pattern with
// repeats compiles to a hundred megabytes.
func standardLibrary() cel.EnvOption {
	return cel.StdLib(cel.StdLibSubset(env.NewLibrarySubset().AddExcludedFunctions(env.NewFunction("matches"))))
}

// stringFunctions are those of CEL's strings extension that rules have use for, with its names and meanings: lowerAscii,
// upperAscii, trim, replace(old, new), split(separator), substring(start) and substring(start, end) in characters,
// indexOf(text), join() and join(separator) of a list; and matches(pattern). Texts longer than [MaxResult], given or made,
// are an error: replace could make gigabytes in one step, before its cost is known.
func stringFunctions() []cel.EnvOption {
	text, number, list := cel.StringType, cel.IntType, cel.ListType(cel.StringType)
	member := func(name, id string, result *cel.Type, args []*cel.Type, do func(args []ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(id, args, result, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			for _, a := range args {
				if s, ok := a.(types.String); ok && len(s) > MaxResult {
					return tooLong
				}
			}
			return do(args)
		})))
	}
	return []cel.EnvOption{
		member("lowerAscii", "muster_lower_ascii", text, []*cel.Type{text}, func(a []ref.Val) ref.Val {
			return types.String(strings.Map(lowerASCII, str(a[0])))
		}),
		member("upperAscii", "muster_upper_ascii", text, []*cel.Type{text}, func(a []ref.Val) ref.Val {
			return types.String(strings.Map(upperASCII, str(a[0])))
		}),
		member("trim", "muster_trim", text, []*cel.Type{text}, func(a []ref.Val) ref.Val {
			return types.String(strings.TrimSpace(str(a[0])))
		}),
		member("replace", "muster_replace", text, []*cel.Type{text, text, text}, func(a []ref.Val) ref.Val {
			return replace(str(a[0]), str(a[1]), str(a[2]))
		}),
		member("split", "muster_split", list, []*cel.Type{text, text}, func(a []ref.Val) ref.Val {
			return types.NewStringList(types.DefaultTypeAdapter, strings.Split(str(a[0]), str(a[1])))
		}),
		member("substring", "muster_substring_from", text, []*cel.Type{text, number}, func(a []ref.Val) ref.Val {
			return substring(str(a[0]), a[1], nil)
		}),
		member("substring", "muster_substring", text, []*cel.Type{text, number, number}, func(a []ref.Val) ref.Val {
			return substring(str(a[0]), a[1], a[2])
		}),
		member("indexOf", "muster_index_of", number, []*cel.Type{text, text}, func(a []ref.Val) ref.Val {
			return indexOf(str(a[0]), str(a[1]))
		}),
		member("join", "muster_join", text, []*cel.Type{list}, func(a []ref.Val) ref.Val { return join(a[0], "") }),
		member("join", "muster_join_by", text, []*cel.Type{list, text}, func(a []ref.Val) ref.Val { return join(a[0], str(a[1])) }),
		member("matches", "muster_matches", cel.BoolType, []*cel.Type{text, text}, func(a []ref.Val) ref.Val {
			return matches(str(a[0]), str(a[1]))
		}),
	}
}

var tooLong = types.NewErr("a text is longer than %d bytes", MaxResult)

// str is the text of an argument that the checker or the dispatcher has found to be a string.
func str(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

func bounded(s string) ref.Val {
	if len(s) > MaxResult {
		return tooLong
	}
	return types.String(s)
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func upperASCII(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r - 'a' + 'A'
	}
	return r
}

func replace(s, old, with string) ref.Val {
	if n := strings.Count(s, old); len(s)+n*(len(with)-len(old)) > MaxResult {
		return tooLong
	}
	return types.String(strings.ReplaceAll(s, old, with))
}

// substring counts characters from 0; end nil is the text's end.
func substring(s string, start, end ref.Val) ref.Val {
	runes := []rune(s)
	from, _ := start.(types.Int)
	to := types.Int(len(runes))
	if end != nil {
		to, _ = end.(types.Int)
	}
	if from < 0 || to > types.Int(len(runes)) || from > to {
		return types.NewErr("substring: index out of range")
	}
	return types.String(runes[from:to])
}

func indexOf(s, of string) ref.Val {
	at := strings.Index(s, of)
	if at < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(s[:at]))
}

func join(v ref.Val, separator string) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	var b strings.Builder
	for it := list.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("join: a list of strings is expected")
		}
		if b.Len()+len(s) > MaxResult {
			return tooLong
		}
		b.WriteString(string(s))
		if it.HasNext() == types.True {
			b.WriteString(separator)
		}
	}
	return bounded(b.String())
}

// matches reports whether the pattern (RE2) matches anywhere in s.
func matches(s, pattern string) ref.Val {
	if len(pattern) > maxPattern {
		return types.NewErr("matches: a pattern of at most %d bytes is accepted", maxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return types.NewErr("matches: the pattern is not a regular expression")
	}
	if program, err := syntax.Compile(parsed.Simplify()); err != nil || len(program.Inst) > maxProgram {
		return types.NewErr("matches: the pattern is too large once its repeats are written out")
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return types.NewErr("matches: the pattern is not a regular expression")
	}
	return types.Bool(compiled.MatchString(s))
}

// functionCosts prices our own functions as CEL does its own, by the text that they go through; a pattern is compiled
// each time, which is dear.
type functionCosts struct{}

func (functionCosts) CallCost(_, overload string, args []ref.Val, result ref.Val) *uint64 {
	if !strings.HasPrefix(overload, "muster_") {
		return nil // CEL's own price
	}
	size := sizeOf(result)
	for _, a := range args {
		size += sizeOf(a)
	}
	cost := 1 + size/costBytes
	if overload == "muster_matches" {
		const compiling = 200
		cost += compiling
	}
	return &cost
}

func sizeOf(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	case traits.Sizer:
		n, _ := v.Size().(types.Int)
		return uint64(max(n, 0)) * costBytes
	default:
		return 0
	}
}
