package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"alpr/models"
)

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program and of its networks",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			fmt.Fprintf(out, "alpr %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			m, err := models.ReadManifest("")
			if err != nil {
				return err
			}
			for _, n := range []*models.Entry{&m.Detector, &m.Corners, &m.Reader, m.SecondReader} {
				if n != nil {
					fmt.Fprintf(out, "%s %s\n", n.Name, n.Version)
				}
			}
			return nil
		},
	}
}
