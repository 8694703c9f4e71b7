package console

import (
	"bufio"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
)

// What can be wrong with accounts.
var (
	ErrUsers    = errors.New("accounts file")
	ErrPassword = errors.New("password")
)

// PBKDF2 with HMAC-SHA-512 and this many rounds is what OWASP's password
// storage cheat sheet asks for where FIPS 140 rules out Argon2.
const (
	hashRounds    = 210_000
	maxHashRounds = 10_000_000
	hashScheme    = "pbkdf2-sha512"
	saltLen       = 16
	keyLen        = 32
	minPassword   = 8
	maxPassword   = 256
	maxUsersFile  = 1 << 20
)

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// User is one local account.
type User struct {
	Name   string // the officer's id in every record, such as a badge number
	Agency string
	Full   string // shown on the page
	Role   Role   // what he may do
	hash   passwordHash
}

// Role says what an account may do.
type Role string

// The roles. A line of the accounts file that names none is an officer's.
const (
	RoleOfficer    Role = "officer"    // alerts, answers, look-ups, entries of his own
	RoleSupervisor Role = "supervisor" // an officer who may also take others' entries off, and add where officers may not
	RoleTechnician Role = "technician" // how the system does; no plates
)

// ParseRole takes a role's name; "" is an officer.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case "":
		return RoleOfficer, nil
	case RoleOfficer, RoleSupervisor, RoleTechnician:
		return r, nil
	}
	return "", fmt.Errorf("%w: role %q: use %s, %s or %s", ErrUsers, s, RoleOfficer, RoleSupervisor, RoleTechnician)
}

type passwordHash struct {
	rounds    int
	salt, key []byte
}

// NewUser makes an account with a fresh salt. The password needs at least
// eight characters: CJIS asks for that of a password with other safeguards
// (the car, the session lock).
func NewUser(name, agency, full, password string) (User, error) {
	u := User{Name: name, Agency: agency, Full: full, Role: RoleOfficer}
	if err := u.check(); err != nil {
		return User{}, err
	}
	if len(password) < minPassword || len(password) > maxPassword {
		return User{}, fmt.Errorf("%w: must have %d to %d characters", ErrPassword, minPassword, maxPassword)
	}
	return u, u.setPassword(password, hashRounds)
}

func (u *User) setPassword(password string, rounds int) error {
	u.hash = passwordHash{rounds: rounds, salt: make([]byte, saltLen)}
	if _, err := rand.Read(u.hash.salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	key, err := pbkdf2.Key(sha512.New, password, u.hash.salt, rounds, keyLen)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	u.hash.key = key
	return nil
}

func (u User) check() error {
	if !userName.MatchString(u.Name) {
		return fmt.Errorf("%w: name %q: use up to 32 of a-z 0-9 . _ -, the first a letter or digit", ErrUsers, u.Name)
	}
	for _, s := range []string{u.Agency, u.Full} {
		if strings.ContainsAny(s, ":\r\n\x00") {
			return fmt.Errorf("%w: %q of %s: leave out colons and line breaks", ErrUsers, s, u.Name)
		}
	}
	return nil
}

// matches takes as long for a wrong password as for a right one.
func (h passwordHash) matches(password string) bool {
	key, err := pbkdf2.Key(sha512.New, password, h.salt, h.rounds, keyLen)
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}

// FormatUser is the account as a line of the accounts file:
// name:hash:agency:full name, and :role where it is no officer's.
func FormatUser(u User) string {
	enc := base64.RawStdEncoding
	line := fmt.Sprintf("%s:%s$%d$%s$%s:%s:%s", u.Name, hashScheme, u.hash.rounds,
		enc.EncodeToString(u.hash.salt), enc.EncodeToString(u.hash.key), u.Agency, u.Full)
	if u.Role != "" && u.Role != RoleOfficer { // an officer's line is as it was before there were roles
		line += ":" + string(u.Role)
	}
	return line
}

// ParseUsers reads accounts, one a line; blank lines and lines that begin with
// # are skipped. An error names the line.
func ParseUsers(r io.Reader) (map[string]User, error) {
	users, wrong := parseUsers(r)
	if len(wrong) > 0 {
		return nil, wrong[0]
	}
	return users, nil
}

// parseUsers reads the accounts that are sound, and says what is wrong with the
// other lines. Of two accounts of one name the first counts.
func parseUsers(r io.Reader) (users map[string]User, wrong []error) {
	users = map[string]User{}
	sc := bufio.NewScanner(io.LimitReader(r, maxUsersFile))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := parseUser(line)
		if err == nil {
			if _, twice := users[u.Name]; twice {
				err = fmt.Errorf("%w: account %q is there twice: take one out", ErrUsers, u.Name)
			}
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		users[u.Name] = u
	}
	if err := sc.Err(); err != nil {
		wrong = append(wrong, fmt.Errorf("read accounts: %w", err))
	}
	return users, wrong
}

func parseUser(line string) (User, error) {
	parts := strings.Split(line, ":")
	if len(parts) != 4 && len(parts) != 5 {
		return User{}, fmt.Errorf("%w: want name:hash:agency:full name[:role], as `alpr user add` writes it", ErrUsers)
	}
	role, err := ParseRole(strings.Join(parts[4:], ""))
	if err != nil {
		return User{}, err
	}
	u := User{Name: parts[0], Agency: parts[2], Full: parts[3], Role: role}
	if err := u.check(); err != nil {
		return User{}, err
	}
	f := strings.Split(parts[1], "$")
	if len(f) != 4 || f[0] != hashScheme {
		return User{}, fmt.Errorf("%w: hash of %s is not %s: set the password again", ErrUsers, u.Name, hashScheme)
	}
	rounds, err := strconv.Atoi(f[1])
	if err != nil || rounds < 1 || rounds > maxHashRounds {
		return User{}, fmt.Errorf("%w: rounds of %s: set the password again", ErrUsers, u.Name)
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(f[2])
	key, errKey := base64.RawStdEncoding.DecodeString(f[3])
	if errSalt != nil || errKey != nil || len(salt) < saltLen || len(key) != keyLen {
		return User{}, fmt.Errorf("%w: hash of %s is damaged: set the password again", ErrUsers, u.Name)
	}
	u.hash = passwordHash{rounds: rounds, salt: salt, key: key}
	return u, nil
}

// LoadUsers reads an accounts file whole, and refuses one that others may read.
func LoadUsers(path string) (map[string]User, error) {
	found := readAccounts(path)
	if len(found.wrong) > 0 {
		return nil, found.wrong[0]
	}
	return found.users, found.risky
}

// SaveUser adds the account to the file, or replaces the one of that name. The
// file is created with mode 0600 and swapped in one step.
func SaveUser(path string, u User) error {
	if err := u.check(); err != nil {
		return err
	}
	return rewriteUsers(path, u.Name, FormatUser(u)+"\n")
}

// RemoveUser takes an account out of the file, whatever else the file holds.
func RemoveUser(path, name string) error {
	text, err := regular.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	isThere := false
	for l := range strings.Lines(string(text)) {
		isThere = isThere || strings.HasPrefix(strings.TrimSpace(l), name+":")
	}
	if !isThere {
		return fmt.Errorf("%w: %s has no account %q", ErrUsers, path, name)
	}
	return rewriteUsers(path, name, "")
}

// rewriteUsers copies the file without the lines of name, and with line at its
// end. Comments stay.
func rewriteUsers(path, name, line string) error {
	old, err := regular.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read accounts: %w", err)
	}
	var text strings.Builder
	for l := range strings.Lines(string(old)) {
		if !strings.HasPrefix(strings.TrimSpace(l), name+":") {
			text.WriteString(strings.TrimRight(l, "\r\n") + "\n")
		}
	}
	text.WriteString(line)
	if err := atomicfile.Write(path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	return nil
}
