package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/internal/cli"
	"alpr/internal/reference"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "alpr-backend",
		Short:   "Keep what vehicles publish, and publish what vehicles need",
		Version: version,
		Long: `alpr-backend is the agency's side of the sync with its vehicles: it consumes reads and hits
into a database, publishes signed hotlists, asks for pictures, and shows the fleet.

Exit codes: 0 done, 1 something failed (one line on standard error says what),
2 the command line is wrong, 130 interrupted.`,
	}
	root.PersistentFlags().Bool("quiet", false, "log warnings and errors only")
	root.AddCommand(
		newConsumeCommand(), newServeCommand(), newDoctorCommand(), newFleetCommand(), newReplayCommand(), newGapsCommand(), newPurgeCommand(), newPictureCommand(), newAccessesCommand(), newAuditCommand(),
		newPublishHotlistCommand(), newHotlistCommand(), newRequestImageCommand(), newPublishPolicyCommand(), newPublishKeysCommand(), newKeygenCommand(),
		newACLCommand(), newSimulateCommand(), newDemoBrokerCommand(),
		newVersionCommand(), reference.NewManCmd(),
	)
	return cli.Prepare(root)
}

func newLog(cmd *cobra.Command) *slog.Logger {
	level := slog.LevelInfo
	if quiet, err := cmd.Flags().GetBool("quiet"); err == nil && quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// addBrokerFlags declares the flags that say where the broker is. The command
// gets a name at the broker that no other has: a second client of the same name
// would end the first one's session there.
func addBrokerFlags(cmd *cobra.Command, b *backend.Broker) {
	f := cmd.Flags()
	f.StringVar(&b.URL, "broker", "tcp://127.0.0.1:1883", "address of the broker: tls://host:8883, or tcp:// on this machine")
	f.StringVar(&b.CAFile, "ca", "", "PEM file: who signs the broker's certificate (for tls://)")
	f.StringVar(&b.CertFile, "cert", "", "PEM file: our certificate (for tls://)")
	f.StringVar(&b.KeyFile, "key", "", "PEM file: our certificate's key (for tls://)")
	f.StringVar(&b.ServerName, "server-name", "", "name in the broker's certificate, where it is not the host")
	b.ClientID = fmt.Sprintf("%s-%d", hostClientID(), os.Getpid())
}

func hostClientID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return "alpr-backend-" + host
}
