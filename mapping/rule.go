package mapping

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"muster"
)

const (
	// MaxExpression is the most bytes of an expression.
	MaxExpression = 4 << 10
	// MaxResult is the most bytes of what an expression yields, those of a list's elements taken together.
	MaxResult = 4 << 10
	// MaxCost bounds an evaluation, in CEL's units of cost: about one for each step, and one for each ten bytes of text
	// that a step goes through.
	MaxCost = 10_000

	maxDepth       = 64 // of nested expressions
	interruptAfter = 64 // iterations of a loop between two looks at the context
)

// Rule is a compiled mapping rule. It is safe for concurrent use.
type Rule struct {
	condition, account, displayName, email, roles *expression // nil: the identity
}

// expression is a compiled expression.
type expression struct {
	program cel.Program
	ast     *cel.Ast
}

// Input is what a rule's expressions see of a row. Absent fields are empty.
type Input struct {
	Action   string // CREATE or MODIFY; DISABLE takes the account alone
	Account  string
	UserName string
	Email    string
	RoleIDs  []string
	Source   map[string]any // the identity system's answer; empty where the system is local
}

// Compile compiles a rule's expressions, in CEL (cel.dev, version 1 of the language). Its variables are action, account,
// userName and email, which are strings, roleIds, a list of strings, and source, a map of whatever the identity system
// answered. The account decides who is meant, whatever else a row sets, so its expression sees nothing but account.
// Beside CEL's own functions there are those of [stringFunctions].
//
// An error is a [*muster.Error] of KindInvalid whose Field names the expression; its Detail says where in it, by line and
// column from 1, and what is accepted.
func Compile(rule *muster.MappingRule) (*Rule, error) {
	r := &Rule{}
	for _, e := range []struct {
		name, text string
		names      []string
		want       *cel.Type
		into       **expression
	}{
		{"condition", rule.Condition, rowVariables, cel.BoolType, &r.condition},
		{"account", rule.Account, []string{varAccount}, cel.StringType, &r.account},
		{"displayName", rule.DisplayName, rowVariables, cel.StringType, &r.displayName},
		{"email", rule.Email, rowVariables, cel.StringType, &r.email},
		{"roles", rule.Roles, rowVariables, cel.ListType(cel.StringType), &r.roles},
	} {
		if e.text == "" {
			continue
		}
		compiled, err := compile(e.text, e.names, e.want)
		if err != nil {
			return nil, &muster.Error{Kind: muster.KindInvalid, Field: "mapping." + e.name, Detail: err.Error()}
		}
		*e.into = compiled
	}
	return r, nil
}

const (
	varAction   = "action"
	varAccount  = "account"
	varUserName = "userName"
	varEmail    = "email"
	varRoleIDs  = "roleIds"
	varSource   = "source"
)

var rowVariables = []string{varAction, varAccount, varUserName, varEmail, varRoleIDs, varSource}

func typeOf(variable string) *cel.Type {
	switch variable {
	case varRoleIDs:
		return cel.ListType(cel.StringType)
	case varSource:
		return cel.MapType(cel.StringType, cel.DynType)
	default:
		return cel.StringType
	}
}

// sentence is an error that becomes the Detail of a [muster.Error], for a person to read.
type sentence string

func (s sentence) Error() string { return string(s) }

func sentencef(format string, args ...any) error { return sentence(fmt.Sprintf(format, args...)) }

func compile(text string, variables []string, want *cel.Type) (*expression, error) {
	if len(text) > MaxExpression {
		return nil, sentencef("An expression of at most %d bytes is accepted.", MaxExpression)
	}
	env, err := environment(variables)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, describe(issues, variables)
	}
	if !accepts(want, ast.OutputType()) {
		return nil, sentencef("Line 1, column 1: the expression yields %s; %s is expected.",
			cel.FormatCELType(ast.OutputType()), cel.FormatCELType(want))
	}
	program, err := env.Program(ast,
		cel.CostTracking(functionCosts{}), cel.CostLimit(MaxCost), cel.InterruptCheckFrequency(interruptAfter))
	if err != nil {
		return nil, sentencef("It cannot be planned: %v.", err)
	}
	return &expression{program, ast}, nil
}

func environment(variables []string) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxExpression), cel.ParserRecursionLimit(maxDepth), cel.ParserErrorRecoveryLimit(1),
		cel.ExpressionNodeLimit(MaxExpression),
		standardLibrary(),
	}
	for _, v := range variables {
		options = append(options, cel.Variable(v, typeOf(v)))
	}
	env, err := cel.NewCustomEnv(append(options, stringFunctions()...)...)
	if err != nil {
		return nil, fmt.Errorf("set up expressions: %w", err)
	}
	return env, nil
}

// describe tells the first issue, by its place.
func describe(issues *cel.Issues, variables []string) error {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	message = strings.Replace(message, " (in container '')", "", 1) // of which there is none
	return sentencef("Line %d, column %d: %s. The variables are %s.",
		max(first.Location.Line(), 1), max(first.Location.Column(), 0)+1, strings.TrimSuffix(message, "."), strings.Join(variables, ", "))
}

// accepts reports whether a value of type got may turn out to be one of type want.
func accepts(want, got *cel.Type) bool {
	if got.IsExactType(cel.DynType) || got.IsExactType(want) {
		return true
	}
	return want.Kind() == types.ListKind && got.Kind() == types.ListKind && accepts(cel.StringType, got.Parameters()[0])
}

var (
	errType     = errors.New("the result is of the wrong type")
	errTooLong  = fmt.Errorf("the result is longer than %d bytes", MaxResult)
	errEvaluate = errors.New("it cannot be evaluated for this row")
)

// evaluate gives the expression's value. What CEL says of a failure may quote a field, so that it is not told on.
func (e *expression) evaluate(ctx context.Context, in *Input) (ref.Val, error) {
	value, _, err := e.program.ContextEval(ctx, map[string]any{
		varAction: in.Action, varAccount: in.Account, varUserName: in.UserName, varEmail: in.Email,
		varRoleIDs: in.RoleIDs, varSource: in.Source,
	})
	if err != nil {
		return nil, e.failed(err)
	}
	return value, nil
}

// failed says where in the expression an evaluation failed, if that is known.
func (e *expression) failed(err error) error {
	var at *types.Err
	if !errors.As(err, &at) || at.NodeID() == 0 {
		return errEvaluate
	}
	where := e.ast.NativeRep().SourceInfo().GetStartLocation(at.NodeID())
	if where.Line() < 1 || where.Column() < 0 {
		return errEvaluate
	}
	return fmt.Errorf("it cannot be evaluated for this row, at line %d, column %d", where.Line(), where.Column()+1)
}

var place = regexp.MustCompile(`[Ll]ine ([0-9]+), column ([0-9]+)`)

// Place reads the place in an expression that an error of [Compile], or the Detail of an entry's fault with ReasonMapping,
// tells: line and column in characters, both from 1 on. Both are 0 where it tells none.
func Place(detail string) (line, column int) {
	found := place.FindStringSubmatch(detail)
	if found == nil {
		return 0, 0
	}
	line, errLine := strconv.Atoi(found[1])
	column, errColumn := strconv.Atoi(found[2])
	if errLine != nil || errColumn != nil {
		return 0, 0
	}
	return line, column
}

func (e *expression) bool(ctx context.Context, in *Input) (bool, error) {
	value, err := e.evaluate(ctx, in)
	if err != nil {
		return false, err
	}
	b, ok := value.(types.Bool)
	if !ok {
		return false, errType
	}
	return bool(b), nil
}

func (e *expression) text(ctx context.Context, in *Input) (string, error) {
	value, err := e.evaluate(ctx, in)
	if err != nil {
		return "", err
	}
	s, ok := value.(types.String)
	switch {
	case !ok:
		return "", errType
	case len(s) > MaxResult:
		return "", errTooLong
	default:
		return string(s), nil
	}
}

func (e *expression) list(ctx context.Context, in *Input) ([]string, error) {
	value, err := e.evaluate(ctx, in)
	if err != nil {
		return nil, err
	}
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, errType
	}
	var texts []string
	size := 0
	for it := list.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return nil, errType
		}
		if size += len(s) + 1; size > MaxResult {
			return nil, errTooLong
		}
		texts = append(texts, string(s))
	}
	return texts, nil
}
