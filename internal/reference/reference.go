// Package reference writes what a person looks up: every command with its
// flags, as Markdown and as manual pages, and every key of a configuration.
// All of it comes from the program itself, so that nothing is said twice.
package reference

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// Commands describes a program's commands in Markdown, in the order of their
// paths, one section each: what it does, how it is called, its flags with
// their defaults. Hidden commands are left out.
func Commands(root *cobra.Command) []byte {
	var b bytes.Buffer
	root.InitDefaultHelpFlag()
	describe(&b, root)
	return b.Bytes()
}

func describe(w *bytes.Buffer, c *cobra.Command) {
	fmt.Fprintf(w, "## %s\n\n%s.\n\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Runnable() {
		fmt.Fprintf(w, "    %s\n\n", c.UseLine())
	}
	if c.Long != "" {
		fmt.Fprintf(w, "```text\n%s\n```\n\n", strings.TrimSpace(c.Long))
	}
	if flags := flagRows(c.LocalFlags()); flags != "" {
		fmt.Fprintf(w, "| flag | default | |\n|---|---|---|\n%s\n", flags)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			describe(w, sub)
		}
	}
}

// flagRows is a row of a table for each flag but --help, sorted by name.
func flagRows(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		flag := strings.TrimSpace("--" + f.Name + " " + name)
		if f.Shorthand != "" {
			flag = "-" + f.Shorthand + ", " + flag
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", flag, value, cell(usage))
	})
	return b.String()
}

// cell is text that stands in one cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// NewManCmd is the hidden command that writes a manual page (section 1) for
// each command of its program into a folder, for those who make packages.
func NewManCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write a manual page for each command into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Title: strings.ToUpper(root.Name()), Section: "1", Source: root.Name() + " " + root.Version}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			return nil
		},
	}
}

var (
	line    = regexp.MustCompile(`^( *)(- )?([a-z_]+):(?: +([^#\s].*?))?(?: +# (.*))?$`)
	comment = regexp.MustCompile(`^ *# ?(.*)$`)
)

// Configuration makes tables of a commented example in YAML: a section for
// each top-level key with the comment above it, a row for each key below. A
// key's meaning is the comment on its line, or above it.
func Configuration(w io.Writer, example []byte) error {
	var path []string
	var above []string
	open := false
	for n, l := range strings.Split(strings.TrimRight(string(example), "\n"), "\n") {
		switch m, c := line.FindStringSubmatch(l), comment.FindStringSubmatch(l); {
		case c != nil:
			above = append(above, c[1])
			continue
		case m != nil:
			depth := len(m[1]) / 2
			if len(m[1])%2 != 0 || depth > len(path) {
				return fmt.Errorf("line %d of the example: %q is not indented by two blanks a level", n+1, l)
			}
			path = path[:depth:depth]
			if m[2] != "" { // the first key of a list's item: the item is a level of its own
				path = append(path, "[]")
			}
			path = append(path, m[3])
			if err := entry(w, path, m[4], m[5], above, &open); err != nil {
				return err
			}
		case strings.TrimSpace(l) != "":
			return fmt.Errorf("line %d of the example: %q is neither a key nor a comment", n+1, l)
		}
		above = nil
	}
	return nil
}

// entry writes one key: a heading where it stands at the top, else a row.
func entry(w io.Writer, path []string, value, meaning string, above []string, open *bool) error {
	key := strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]")
	if len(path) == 1 {
		*open = value != ""
		if _, err := fmt.Fprintf(w, "\n## %s\n\n%s\n", key, strings.Join(above, "\n")); err != nil {
			return err
		}
		if value == "" {
			return nil
		}
	}
	if !*open || len(path) == 1 {
		*open = true
		if _, err := io.WriteString(w, "\n| key | default | |\n|---|---|---|\n"); err != nil {
			return err
		}
	}
	if meaning == "" && len(path) > 1 {
		meaning = strings.Join(above, " ")
	}
	if value != "" {
		value = "`" + value + "`"
	}
	_, err := fmt.Fprintf(w, "| `%s` | %s | %s |\n", key, cell(value), cell(meaning))
	return err
}
