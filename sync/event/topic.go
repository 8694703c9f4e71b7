package event

import (
	"errors"
	"fmt"
	"strings"

	"alpr"
)

// Root is the first two levels of every topic.
const Root = "alpr/v1"

// The last level of the topics a vehicle publishes to.
const (
	TopicHit         = "hit"
	TopicRead        = "read"
	TopicDisposition = "disposition"
	TopicAudit       = "audit"
	TopicHealth      = "health"
	TopicStatus      = "status" // retained, with a last will
	TopicImage       = "image"
	TopicEmergency   = "emergency"
)

// Upstream lists every topic level that a vehicle publishes to: those it needs
// the broker's leave for.
func Upstream() []string {
	return []string{TopicHit, TopicRead, TopicDisposition, TopicAudit, TopicHealth, TopicStatus, TopicImage, TopicEmergency}
}

// Everyone is the vehicle level of topics that all vehicles of an agency read.
const Everyone = "all"

// ErrBadName reports an agency, vehicle, list or receiver name that cannot
// stand in a topic.
var ErrBadName = errors.New("a name is 1 to 64 of a–z, A–Z, 0–9, '-', '_' and '.', and not \"all\"")

// CheckName says whether name may be an agency, vehicle, list or receiver.
func CheckName(name string) error {
	ok := len(name) > 0 && len(name) <= 64 && name != Everyone
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return fmt.Errorf("name %q: %w", name, ErrBadName)
	}
	return nil
}

// Vehicle is who speaks: the two levels after Root.
type Vehicle struct {
	Agency string
	Name   string
}

// String is "agency/vehicle": also the common name of the vehicle's certificate.
func (v Vehicle) String() string { return v.Agency + "/" + v.Name }

// Check says whether both names can stand in a topic.
func (v Vehicle) Check() error { return errors.Join(CheckName(v.Agency), CheckName(v.Name)) }

// Source is the CloudEvents source of what this vehicle publishes.
func (v Vehicle) Source() string { return "/alpr/" + v.Agency + "/" + v.Name }

// Topic is where this vehicle publishes what belongs at the given level.
func (v Vehicle) Topic(level string) string {
	return Root + "/" + v.Agency + "/" + v.Name + "/" + level
}

// ShareTopic is where this vehicle publishes what its owner releases to a
// receiver other than the agency's own backend.
func (v Vehicle) ShareTopic(receiver, level string) string {
	return v.Topic("share/" + receiver + "/" + level)
}

// ReceiptTopic is where the backend says what it has kept.
func (v Vehicle) ReceiptTopic() string { return v.Topic("down/receipt") }

// PolicyTopic is where the backend asks for shorter retention (retained).
func (v Vehicle) PolicyTopic() string { return v.Topic("down/policy") }

// ImageRequestTopic is where a picture is asked for, by its hash in
// hexadecimal (retained until it has arrived); "+" stands for any.
func (v Vehicle) ImageRequestTopic(sha string) string { return v.Topic("down/image/" + sha) }

// HotlistTopic is where an agency's list is announced (retained): the newest
// version's manifest. "+" stands for any list.
func HotlistTopic(agency, list string) string {
	return Root + "/" + agency + "/" + Everyone + "/hotlist/" + list
}

// HotlistPieceTopic is where piece n of the blob with the given hash is kept
// (retained).
func HotlistPieceTopic(agency, list, blob string, n int) string {
	return fmt.Sprintf("%s/%s/%d", HotlistTopic(agency, list), blob, n)
}

// KeysTopic is where an agency's changes of signing keys are kept (retained).
func KeysTopic(agency string) string { return Root + "/" + agency + "/" + Everyone + "/keys" }

// ProbeTopic is where a consumer tries whether the broker delivers to it. No
// vehicle has this name.
func ProbeTopic(client string) string { return Root + "/probe/" + client }

// LevelOf is the topic level for a kind. What policy deleted unsent explains a
// gap in the count, and goes to the audit topic.
func LevelOf(k alpr.Kind) string {
	if k == alpr.KindExpired {
		return TopicAudit
	}
	return string(k)
}

// ParseTopic takes a topic that a vehicle publishes to apart.
func ParseTopic(topic string) (v Vehicle, level string, err error) {
	rest, ok := strings.CutPrefix(topic, Root+"/")
	parts := strings.SplitN(rest, "/", 3)
	if !ok || len(parts) != 3 {
		return Vehicle{}, "", fmt.Errorf("topic %q is not %s/{agency}/{vehicle}/{kind}", topic, Root)
	}
	v = Vehicle{Agency: parts[0], Name: parts[1]}
	if err := v.Check(); err != nil {
		return Vehicle{}, "", fmt.Errorf("topic %q: %w", topic, err)
	}
	return v, parts[2], nil
}
