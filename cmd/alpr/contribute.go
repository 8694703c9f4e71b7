package main

import (
	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/contribute"
)

const contributeHelp = `Share misreads that officers have corrected, so that the reader learns from them.
Off by default. What is shared of each: the crop of the plate, what was read,
what it says, the state and the reader's version, the hour, and the place to
about ten kilometres. Never: agency, device, vehicle, officer, exact time or
place, the hotlist entry, or the picture of the car.`

func newContributeCmd() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "contribute",
		Short: "Share corrected misreads to improve the reader: off by default",
		Long:  contributeHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f.add(c)
	c.AddCommand(newConsentCmd(&f), newWithdrawCmd(&f), newContributeListCmd(&f), newContributeExportCmd(&f))
	return c
}

func newConsentCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "consent",
		Short: "Record that the agency agrees to share",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				_, err := r.Store.Contributions().SetConsent(c.Context(), who, true)
				return err
			})
		},
	}
}

func newWithdrawCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw",
		Short: "Record that the agency does not agree any more",
		Long:  "Record that the agency does not agree any more, and name the batches that were\nshared, for whoever has them to delete.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return contribute.Withdraw(c.Context(), r.Store, who, c.OutOrStdout())
			})
		},
	}
}

func newContributeListCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Print what would be shared, and share nothing",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return contribute.List(c.Context(), r.Store, who, c.OutOrStdout())
			})
		},
	}
}

func newContributeExportCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "export FOLDER",
		Short:   "Write what is shared to a new folder; needs consent",
		Example: `  alpr contribute export batch/ --officer 0815 --purpose "improvement programme"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return contribute.Export(c.Context(), r.Store, who, args[0], c.OutOrStdout())
			})
		},
	}
}
