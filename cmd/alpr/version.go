package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"alpr/models"
	"alpr/vehicle/networks"
)

func newVersionCmd() *cobra.Command {
	var f networks.Options
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program and of its networks, and how this processor computes them",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			fmt.Fprintf(out, "alpr %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(out, "processor: %s\n", models.ThisProcessor())
			set, err := models.Open(models.Options{Dir: f.Dir, Library: f.Library, Precision: models.Precision(f.Precision)})
			if err != nil {
				return err
			}
			for _, n := range set.Networks() {
				fmt.Fprintf(out, "%s %s: %s\n", n.Entry.Name, n.Entry.Version, n.Path())
			}
			for _, err := range set.Refused {
				fmt.Fprintf(out, "refused: %v\n", err)
			}
			return set.Close()
		},
	}
	addNetworkFlags(c, &f)
	return c
}
