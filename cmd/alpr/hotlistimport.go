package main

import (
	"strings"

	"github.com/spf13/cobra"

	"alpr/hotlist/importer"
	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

const hotlistImportHelp = `Import lists from files, or from every file of a folder such as a USB stick:
CSV with a heading line or fixed width, plain or packed with gzip or zstd.

The format is found by the heading (ncic, genetec, flock; plates without a
heading are plain), named with --format,
or described in a column map of your own with --map; docs/technician/lists.md says how
to write one. Rows that cannot be taken are named with line and reason. A list
with too many of them is refused whole, and the last good one stays in use, as it
does where the file is older than it (--force). "alpr hotlist lint" says what
would be taken before anything changes.`

func newHotlistImportCmd(f *recordFlags) *cobra.Command {
	var in admin.Import
	c := &cobra.Command{
		Use:   "import PATH…",
		Short: "Import lists from files or a USB folder",
		Long:  hotlistImportHelp,
		Example: `  alpr hotlist import state.csv.gz --officer 4711 --purpose "morning list"
  alpr hotlist import /media/usb/lists --officer 4711 --purpose "shift start"
  alpr hotlist import wants.dat --map wants.yaml --list wants --officer 4711 --purpose "county wants"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return in.Files(c.Context(), r, who, args, c.OutOrStdout())
			})
		},
	}
	addImportFlags(c, &in)
	flags := c.Flags()
	flags.StringVar(&in.Published, "published", "", "when the source published it, as 2031-05-02T06:00:00Z (default: the file's time)")
	flags.BoolVar(&in.IsForced, "force", false, "take it though a newer publication of it is in use")
	return c
}

// addImportFlags gives a command the flags that say how list files are read.
func addImportFlags(c *cobra.Command, in *admin.Import) {
	flags := c.Flags()
	flags.StringVar(&in.List, "list", "", "the list's name (default: the file's)")
	flags.StringVar(&in.Format, "format", "auto", "auto, "+strings.Join(importer.ShippedNames(), ", "))
	flags.StringVar(&in.MapFile, "map", "", "a column map in YAML, for other formats")
	flags.Float64Var(&in.MaxBad, "max-bad", 0.05, "share of bad rows above which a list is refused")
	flags.BoolVar(&in.MayBeEmpty, "allow-empty", false, "take a list without an entry; one whose entries are all cancelled always is")
}

func newHotlistLintCmd() *cobra.Command {
	var in admin.Import
	c := &cobra.Command{
		Use:   "lint FILE",
		Short: "Say what an import would take of a file, and why not",
		Long: `Say what an import would take of a file, and why not, with the first entries as
they would be taken. Nothing is changed, and no store is needed. It fails where
the import would refuse the list.`,
		Example: `  alpr hotlist lint /media/usb/state.csv
  alpr hotlist lint wants.dat --map wants.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return in.Lint(c.Context(), args[0], c.OutOrStdout())
		},
	}
	addImportFlags(c, &in)
	return c
}
