package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// Finding is what a look at the agency's side found of one thing.
type Finding struct {
	What string // what was looked at
	OK   bool
	Text string // what was found, and how to mend it
}

// Examine looks at where events are kept: whether the way there is encrypted,
// whether we have more rights there than we need, whether what is kept is encrypted
// at rest, and whether the record of looks is unbroken. atRest is what the agency
// states of encryption that cannot be seen from here: "LUKS on db1, checked
// 2026-11-01"; "" for nothing.
func Examine(ctx context.Context, a Archive, atRest string) []Finding {
	var found []Finding
	switch a := a.(type) {
	case *Postgres:
		found = a.examine(ctx, atRest)
	case *SQLite:
		found = []Finding{examineDisk(a.path, atRest)}
	}
	return append(found, examineLooks(ctx, a))
}

func examineLooks(ctx context.Context, a Archive) Finding {
	f := Finding{What: "record of looks"}
	list, err := a.Accesses(ctx)
	var out bytes.Buffer
	for _, x := range list {
		err = errors.Join(err, encodeLine(&out, x))
	}
	last, err2 := VerifyAccesses(&out, "")
	if err := errors.Join(err, err2); err != nil {
		f.Text = err.Error()
		return f
	}
	f.OK, f.Text = true, fmt.Sprintf("%d looks, unbroken", last.Seq)
	return f
}

// examineDisk says whether a file lies on an encrypted device, or is stated to.
func examineDisk(path, atRest string) Finding {
	f := Finding{What: "encryption at rest"}
	isEncrypted, err := onEncryptedDisk(path)
	switch {
	case isEncrypted:
		f.OK, f.Text = true, path+" lies on an encrypted device (dm-crypt)"
	case atRest != "":
		f.OK, f.Text = true, "stated: "+atRest
	case err != nil:
		f.Text = fmt.Sprintf("it cannot be seen from here whether %s is encrypted (%v): state how with --at-rest", path, err)
	default:
		f.Text = path + " lies on a device that is not encrypted: plates, pictures and positions can be read by whoever takes the disk; " +
			"put it on one that is, or state with --at-rest what encrypts it"
	}
	return f
}

// sysBlock is where Linux tells of block devices.
const sysBlock = "/sys/dev/block"

// onEncryptedDisk says whether a file's device, or one below it, is dm-crypt's.
func onEncryptedDisk(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false, errors.New("this system does not tell devices")
	}
	return isCrypt(filepath.Join(sysBlock, fmt.Sprintf("%d:%d", st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00)))
}

func isCrypt(device string) (bool, error) {
	uuid, err := os.ReadFile(filepath.Join(device, "dm", "uuid"))
	if err == nil && strings.HasPrefix(string(uuid), "CRYPT-") {
		return true, nil
	}
	below, err := os.ReadDir(filepath.Join(device, "slaves"))
	if err != nil {
		return false, err
	}
	for _, d := range below {
		if yes, err := isCrypt(filepath.Join(device, "slaves", d.Name())); yes && err == nil {
			return true, nil
		}
	}
	return false, nil
}

func (p *Postgres) examine(ctx context.Context, atRest string) []Finding {
	conn, err := p.connection(ctx)
	if err != nil {
		return []Finding{{What: "database", Text: err.Error()}}
	}
	return []Finding{examineWay(ctx, conn), examineRights(ctx, conn), examineData(ctx, conn, atRest)}
}

func examineWay(ctx context.Context, conn *pgx.Conn) Finding {
	f := Finding{What: "way to the database"}
	var isTLS bool
	if err := conn.QueryRow(ctx, "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)").Scan(&isTLS); err != nil {
		f.Text = err.Error()
		return f
	}
	host := conn.Config().Host
	ip := net.ParseIP(host)
	isHere := strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
	f.OK = isTLS || isHere
	f.Text = map[bool]string{true: "TLS", false: "in clear, on this machine alone"}[isTLS]
	if !f.OK {
		f.Text = "plates go to " + host + " in clear: add sslmode=verify-full to the address"
	}
	return f
}

func examineRights(ctx context.Context, conn *pgx.Conn) Finding {
	f := Finding{What: "rights in the database"}
	var isSuper bool
	var user string
	if err := conn.QueryRow(ctx, "SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user").Scan(&isSuper, &user); err != nil {
		f.Text = err.Error()
		return f
	}
	f.OK, f.Text = !isSuper, user+" is no superuser"
	if isSuper {
		f.Text = user + " is a superuser: let consumers log in as one that owns the database and no more"
	}
	return f
}

func examineData(ctx context.Context, conn *pgx.Conn, atRest string) Finding {
	var dir string
	if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory')").Scan(&dir); err != nil {
		dir = "the database's folder"
	}
	return examineDisk(dir, atRest)
}
