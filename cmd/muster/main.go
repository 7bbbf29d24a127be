// Command muster is the whole of Muster in one binary: the server, the commands that administer an installation, and a
// client that signs requests.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// memoryLimit is the soft limit of the Go heap, in bytes, unless GOMEMLIMIT says otherwise. The process as a whole then
// stays below 300 MB.
const memoryLimit = 256 << 20

// gcPercent is how much the heap grows between two collections, of what is live, unless GOGC says otherwise. What is live of a server
// that provisions is some 15 MB, of which the usual 100 has so little that a quarter of its processor time was collecting.
const gcPercent = 400

func main() {
	hashForParent()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // after the first signal the default is back: a second one ends the process at once
	os.Exit(Main(ctx, os.Args[1:], stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// stdio is where a command reads and prints. What a command is asked for goes to Out, everything else to Err.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// The exit codes of every command.
const (
	exitOK          = 0
	exitFailed      = 1 // something went wrong
	exitUsage       = 2 // the command line or the configuration is wrong; nothing was tried
	exitRefused     = 3 // the request was understood and refused: not found, in conflict, not allowed; or rows of a batch failed
	exitUnavailable = 4 // no server or database answers, or the data folder is in use; trying again later may help
)

const epilogue = `Each flag can also be given by the environment variable shown beside it, or by its name in the file that --config names
(TOML). The command line goes before the environment, and the environment before the file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (not found, in conflict, not allowed, or rows of a batch failed),
4 unavailable (no server or database answers, or the data folder is in use).`

// cli is the command line.
type cli struct {
	Config kong.ConfigFlag `placeholder:"FILE" type:"existingfile" help:"File of settings, TOML, one 'flag = value' a line."`
	Output format          `short:"o" default:"text" placeholder:"FORMAT" help:"What to print: text or json; csv where it is a list; env, for eval in a shell, where a credential is made."`

	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Demo       demoCmd       `cmd:"" help:"Run a server on a folder of its own and provision two users, to see it work."`
	Init       initCmd       `cmd:"" help:"Make a new installation without serving, and print its first credential."`
	Request    requestCmd    `cmd:"" help:"Sign a request, send it, and print the answer."`
	Tenant     tenantCmd     `cmd:"" help:"Make, list and change tenants."`
	Credential credentialCmd `cmd:"" help:"Make, list, rotate and disable the key pairs that applications sign with."`
	Department departmentCmd `cmd:"" help:"List, make, move, rename, remove and import departments."`
	User       userCmd       `cmd:"" help:"List, show, change, disable, enable and delete users."`
	Import     importCmd     `cmd:"" help:"Provision the users that a file lists."`
	Reconcile  reconcileCmd  `cmd:"" help:"Make a file of users the whole truth of a source."`
	Batch      batchCmd      `cmd:"" help:"List, follow, cancel, retry and commit batches of users."`
	Template   templateCmd   `cmd:"" help:"Print a table of users to be filled in."`
	Role       roleCmd       `cmd:"" help:"Make, list, rename and delete the roles that users can be given."`
	Federation federationCmd `cmd:"" help:"Show, set and try how users of another system are taken in."`
	Operator   operatorCmd   `cmd:"" help:"Invite, list, change and remove those who use the console."`
	Audit      auditCmd      `cmd:"" help:"List who did what."`
	Webhook    webhookCmd    `cmd:"" help:"Have what happens told to other systems, and see what became of it."`
	Key        keyCmd        `cmd:"" help:"Rotate the keys that secrets are sealed with, and see how they stand."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the schema of a PostgreSQL database up to date, and see how it stands."`
	Copy       copyCmd       `cmd:"" help:"Copy an installation from a data folder into a PostgreSQL database."`
	Profile    profileCmd    `cmd:"" help:"Remember servers elsewhere, to work with them as with this machine."`
	Completion completionCmd `cmd:"" help:"Print what makes a shell complete muster's command lines."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// Main runs one command to its end and returns the exit code. When ctx ends the command stops in good order.
func Main(ctx context.Context, args []string, std stdio) int {
	var c cli
	exited := -1
	parser := newParser(&c, std, func(code int) { exited = code }) // which is called when a help text was printed
	if err := completeLine(parser); err != nil {
		_, _ = fmt.Fprintf(std.Err, "muster: %v\n", err)
		return exitFailed
	}
	if exited >= 0 {
		return exited
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(std.Err, "muster: %v\n", err)
		hintUsage(std.Err, err)
		return exitUsage
	}
	if err := c.Output.fits(parsed.Selected().Target.Addr().Interface()); err != nil {
		_, _ = fmt.Fprintf(std.Err, "muster: %v\n", err)
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(&printer{stdio: std, format: c.Output}); err != nil {
		_, _ = fmt.Fprintf(std.Err, "muster: %v\n", err)
		return exitCode(err)
	}
	return exitOK
}

// newParser makes what reads command lines into c.
func newParser(c *cli, std stdio, exit func(code int)) *kong.Kong {
	parser, err := kong.New(c,
		kong.Name("muster"),
		kong.Description("Muster provisions users in bulk: durably, with an answer for every single row.\n\n"+epilogue),
		kong.Writers(std.Out, std.Err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ValueFormatter(describeFlag),
		kong.ExplicitGroups([]kong.Group{
			{Key: "database", Title: "PostgreSQL in place of a data folder:"},
			{Key: "oidc", Title: "Signing in to the console with an identity provider:"},
			{Key: "remote", Title: "A server elsewhere in place of an installation of this machine:"},
		}),
		kong.DefaultEnvars("MUSTER"),
		kong.Configuration(readConfig),
	)
	if err != nil {
		panic(err) // the grammar above is wrong, which no input can cause
	}
	return parser
}

// describeFlag is a flag's line in a help text: what it is, its default, and its environment variable.
func describeFlag(v *kong.Value) string {
	var notes []string
	if v.HasDefault && v.Default != "" {
		notes = append(notes, "default "+v.Default)
	}
	for _, name := range v.Tag.Envs {
		notes = append(notes, "$"+name)
	}
	if len(notes) == 0 {
		return v.Help
	}
	return v.Help + " (" + strings.Join(notes, ", ") + ")"
}

func hintUsage(w io.Writer, err error) {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		command := "muster"
		if selected := wrong.Context.Selected(); selected != nil {
			command += " " + selected.Path()
		}
		_, _ = fmt.Fprintf(w, "Run %q for what is accepted.\n", command+" --help")
	}
}

// usageError is a wrong command line that only the command itself can find wrong.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	var usage usageError
	var refused interface{ ExitCode() int }
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refused):
		return refused.ExitCode()
	default:
		return exitFailed
	}
}
