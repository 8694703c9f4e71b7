package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/internal/usage"
)

func newACLCommand() *cobra.Command {
	var r backend.Rights
	var vehicles []string
	cmd := &cobra.Command{
		Use:   "acl",
		Short: "Print Mosquitto's access list for a fleet",
		Long: `Acl prints who may do what, by role. Every name is the common name of a certificate. With --agency the vehicles
need not be listed: each may speak under the name that its certificate bears. All who may log in can then read the lists
of each agency that is named: name one agency a broker, or list the vehicles one by one.`,
		Example: "  alpr-backend acl --agency pd --consumer backend --lister lists --admin chief > /etc/alpr/acl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if r.Vehicles, err = parseVehicles(vehicles); err != nil {
				return &usage.Error{Err: err}
			}
			text, err := backend.MosquittoACL(r)
			if err != nil {
				return &usage.Error{Err: err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&vehicles, "vehicle", nil, "agency/vehicle, the common name of its certificate; more than once")
	f.StringSliceVar(&r.Agencies, "agency", nil, "let in all vehicles of an agency, by pattern lines; more than once")
	f.StringSliceVar(&r.Consumers, "consumer", nil, "keeps what vehicles publish, and answers them; more than once")
	f.StringSliceVar(&r.Readers, "reader", nil, "sees what vehicles publish, and writes nothing; more than once")
	f.StringSliceVar(&r.Listers, "lister", nil, "publishes hotlists; more than once")
	f.StringSliceVar(&r.Admins, "admin", nil, "publishes hotlists, policies and keys, and asks for pictures; more than once")
	f.StringSliceVar(&r.Receivers, "receiver", nil, "name of another receiver, also its certificate's common name; more than once")
	return cmd
}
