package main

import (
	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

const auditHelp = `Every interaction with the system is in its audit log: start and stop, look-ups,
views of pictures, imports, exports, manual entries, dispositions, changes of
policy and purges, each with time, officer, agency and purpose. The records are
chained by hashes and signed by the device, so that an edit or a removal shows,
at once and for ever. Who did what to what, and why, is sealed in them.`

func newAuditCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Export the audit log, and verify that it is whole",
		Long:  auditHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAuditVerifyCmd(), newAuditExportCmd())
	return c
}

func newAuditExportCmd() *cobra.Command {
	var f recordFlags
	var path string
	var hasText bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the log as JSON lines that can be verified anywhere",
		Long: `Write the log as JSON lines that can be verified anywhere. In clear are number, id,
time and action of each record. Officer, agency, purpose, subject and detail are
sealed, because people write plates and names into them; with --text they stand
beside each record, where verify checks that they are the words that were sealed.`,
		Example: `  alpr audit export -o may.audit --officer 0815 --purpose "monthly audit"
  alpr audit export -o may-open.audit --text --officer 0815 --purpose "complaint 31-0815"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.ExportAudit(c.Context(), r, who, hasText, path, c.OutOrStdout())
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&hasText, "text", false, "also write the sealed words in clear: officer, purpose, subject, detail")
	c.Flags().StringVarP(&path, "output", "o", "", "file to write; empty: standard output")
	return c
}

func newAuditVerifyCmd() *cobra.Command {
	var f recordFlags
	var key, against string
	c := &cobra.Command{
		Use:   "verify [EXPORT]",
		Short: "Check that nothing in the log was changed, added or removed",
		Long: `Check that nothing in the log was changed, added or removed: in an exported log,
which needs neither the vehicle nor any secret, or without EXPORT in the store
itself, every column of every record.

Once a log was found broken it says so for ever, with the first record that
cannot be relied on. A store cannot show by itself that all of it was replaced by
an older copy, or written anew by another device: the backend sees the first (see
alpr-backend audit). Give --against an earlier export, and --key the device's
public key as noted when it was set up.`,
		Example: `  alpr audit verify may.audit --against april.audit --key 5c1e…`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			check, err := admin.NewAuditCheck(key, against)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return check.File(args[0], c.OutOrStdout())
			}
			return f.with(c, func(r *vehicle.Records) error { return check.Store(c.Context(), r, c.OutOrStdout()) })
		},
	}
	f.add(c)
	c.Flags().StringVar(&key, "key", "", "the device's public key, hexadecimal")
	c.Flags().StringVar(&against, "against", "", "an earlier export whose records must still be there")
	return c
}
