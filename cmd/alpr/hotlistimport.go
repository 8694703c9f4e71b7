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

The format is found by the heading (ncic, genetec, flock), named with --format,
or described in a column map of your own with --map; docs/technician/lists.md says how
to write one. Rows that cannot be taken are named with line and reason. A list
with too many of them is refused whole, and the last good one stays in use.`

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
	flags := c.Flags()
	flags.StringVar(&in.List, "list", "", "the list's name (default: the file's)")
	flags.StringVar(&in.Format, "format", "auto", "auto, "+strings.Join(importer.ShippedNames(), ", "))
	flags.StringVar(&in.MapFile, "map", "", "a column map in YAML, for other formats")
	flags.StringVar(&in.Published, "published", "", "when the source published it, as 2031-05-02T06:00:00Z (default: the file's time)")
	flags.Float64Var(&in.MaxBad, "max-bad", 0.05, "share of bad rows above which a list is refused")
	return c
}
