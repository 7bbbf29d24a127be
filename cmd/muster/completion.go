package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	completion "github.com/jotaen/kong-completion"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCmd) Help() string {
	return "Prints what a shell has to run so that it completes commands, flags and values of muster, which has to be on the PATH. For every new shell:\n\n" +
		"bash: echo 'source <(muster completion bash)' >> ~/.bashrc\n\n" +
		"zsh: echo 'source <(muster completion zsh)' >> ~/.zshrc\n\n" +
		"fish: muster completion fish > ~/.config/fish/completions/muster.fish"
}

// completionScripts have each shell ask muster itself, by the variable COMP_LINE, as bash's complete -C does.
var completionScripts = map[string]string{
	"bash": `complete -o default -o bashdefault -C muster muster
`,
	"zsh": `autoload -U +X bashcompinit && bashcompinit
complete -o default -o bashdefault -C muster muster
`,
	"fish": `function __complete_muster
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct)
    and set COMP_LINE "$COMP_LINE "
    muster
end
complete -c muster -a "(__complete_muster)"
`,
}

func (c *completionCmd) Run(p *printer) error {
	_, err := fmt.Fprint(p.Out, completionScripts[c.Shell])
	return err
}

// completeLine answers a shell that asks how a command line may go on, if it is one that runs this.
func completeLine(parser *kong.Kong) error {
	var failed error
	completion.Register(parser, completion.WithErrorHandler(func(err error) { failed = err }))
	return failed
}
