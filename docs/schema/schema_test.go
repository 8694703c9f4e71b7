package schema_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	asyncapi "github.com/asyncapi/spec-json-schemas/v6"
	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"alpr"
	"alpr/docs/schema"
	"alpr/sync/event"
)

func compiler(t testing.TB) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(schema.Files, "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no schemas: %v", err)
	}
	for _, name := range names {
		b, err := schema.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if id, _ := doc.(map[string]any)["$id"].(string); id != schema.Base+name {
			t.Errorf("%s has $id %q", name, id)
		}
		if err := c.AddResource(schema.Base+name, doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return c
}

func TestEverySchemaIsOne(t *testing.T) {
	c := compiler(t)
	names, err := fs.Glob(schema.Files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		// Compile checks against the draft's own schema and follows references.
		if _, err := c.Compile(schema.Base + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, typ := range event.Types() {
		if !slices.Contains(names, event.SchemaFile(typ)) {
			t.Errorf("%s: there is no %s", typ, event.SchemaFile(typ))
		}
	}
}

// asyncAPI is what the test looks at of docs/asyncapi.yaml.
type asyncAPI struct {
	Version  string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address    string         `yaml:"address"`
		Messages   map[string]ref `yaml:"messages"`
		Parameters map[string]ref `yaml:"parameters"`
	} `yaml:"channels"`
	Operations map[string]struct {
		Action  string `yaml:"action"`
		Channel ref    `yaml:"channel"`
	} `yaml:"operations"`
	Components struct {
		Parameters map[string]any `yaml:"parameters"`
		Messages   map[string]struct {
			Payload struct {
				Schema ref    `yaml:"schema"`
				Type   string `yaml:"type"`
			} `yaml:"payload"`
		} `yaml:"messages"`
	} `yaml:"components"`
}

type ref struct {
	Ref string `yaml:"$ref"`
}

func readAsyncAPI(t testing.TB) asyncAPI {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc asyncAPI
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestAsyncAPIIsOne checks the document against the AsyncAPI project's own
// schema of its version 3.0.0.
func TestAsyncAPIIsOne(t *testing.T) {
	rules, err := asyncapi.Get("3.0.0")
	if err != nil || rules == nil {
		t.Fatalf("the schema of AsyncAPI 3.0.0: %v", err)
	}
	rulesDoc, err := jsonschema.UnmarshalJSON(bytes.NewReader(rules))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const name = "asyncapi-3.0.0.json"
	if err := c.AddResource(name, rulesDoc); err != nil {
		t.Fatal(err)
	}
	valid, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte) error {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return valid.Validate(doc)
	}
	if err := check(plain); err != nil {
		t.Error(err)
	}
	for _, good := range []string{`"asyncapi": "3.0.0"`, `"action": "receive"`, `"qos": 1`, `"type": "X509"`} {
		bad := bytes.Replace(plain, []byte(good), []byte(strings.Split(good, ":")[0]+`: "wrong"`), 1)
		if bytes.Equal(bad, plain) || check(bad) == nil {
			t.Errorf("a document without %s passes", good)
		}
	}
}

func TestAsyncAPINamesTheTopicsThatAreUsed(t *testing.T) {
	doc := readAsyncAPI(t)
	if doc.Version != "3.0.0" {
		t.Errorf("version %q", doc.Version)
	}
	// Names that stand for the parameters.
	fill := strings.NewReplacer("{agency}", "pd", "{vehicle}", "car-1", "{list}", "stolen", "{sha256}", "abc", "{blob}", "abc", "{piece}", "7", "{receiver}", "sheriff")
	got := map[string]bool{}
	for _, c := range doc.Channels {
		got[fill.Replace(c.Address)] = true
	}
	car := event.Vehicle{Agency: "pd", Name: "car-1"}
	want := []string{car.ReceiptTopic(), car.PolicyTopic(), car.ImageRequestTopic("abc"), event.HotlistTopic("pd", "stolen"),
		event.HotlistPieceTopic("pd", "stolen", "abc", 7), event.KeysTopic("pd")}
	for _, level := range event.Upstream() {
		want = append(want, car.Topic(level))
		if level != event.TopicHealth && level != event.TopicStatus {
			want = append(want, car.ShareTopic("sheriff", level))
		}
	}
	for _, topic := range want {
		if !got[topic] {
			t.Errorf("the document lacks %s", topic)
		}
		delete(got, topic)
	}
	for topic := range got {
		t.Errorf("the document has %s, which nobody uses", topic)
	}
}

func TestAsyncAPIReferencesResolve(t *testing.T) {
	doc, c := readAsyncAPI(t), compiler(t)
	for name, ch := range doc.Channels {
		for _, m := range ch.Messages {
			if _, ok := doc.Components.Messages[path.Base(m.Ref)]; !ok {
				t.Errorf("channel %s: message %s is not there", name, m.Ref)
			}
		}
		for p, r := range ch.Parameters {
			if _, ok := doc.Components.Parameters[path.Base(r.Ref)]; !ok || !strings.Contains(ch.Address, "{"+p+"}") {
				t.Errorf("channel %s: parameter %s (%s)", name, p, r.Ref)
			}
		}
		if n := strings.Count(ch.Address, "{"); n != len(ch.Parameters) {
			t.Errorf("channel %s: %d of %d parameters described", name, len(ch.Parameters), n)
		}
	}
	for name, op := range doc.Operations {
		if _, ok := doc.Channels[path.Base(op.Channel.Ref)]; !ok || op.Action != "send" && op.Action != "receive" {
			t.Errorf("operation %s: %+v", name, op)
		}
	}
	for name, m := range doc.Components.Messages {
		file, isFile := strings.CutPrefix(m.Payload.Schema.Ref, "schema/")
		if m.Payload.Type == "" && !isFile {
			t.Errorf("message %s has no payload", name)
			continue
		}
		if isFile {
			if _, err := c.Compile(schema.Base + file); err != nil {
				t.Errorf("message %s: %v", name, err)
			}
		}
	}
}

// TestAReadOfTwoCamerasFitsItsSchema: what cameras add to a read is described,
// with the picture and the position of each.
func TestAReadOfTwoCamerasFitsItsSchema(t *testing.T) {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	picture := alpr.Picture{JPEG: []byte("jpeg"), SHA256: [32]byte{1}, Width: 160, Height: 64}
	seen := func(camera string, at time.Time) alpr.View {
		return alpr.View{
			Camera: camera, Text: "ABC1234", Confidence: 0.97, Frames: 9, FramesUsed: 5, FirstAt: at, LastAt: at, At: at,
			Fix: alpr.Fix{At: at, Lat: 47.61, Lon: -122.33, Quality: alpr.GPSFix}, Crop: picture,
		}
	}
	read := alpr.Read{
		ID: alpr.ID{6: 0x70, 8: 0x80}, Revision: 2, Camera: "front", Text: alpr.Text{Text: "ABC1234", Confidence: 0.99},
		FirstAt: at, At: at, LastAt: at, Views: []alpr.View{seen("front", at), seen("rear", at.Add(4*time.Second))},
		MaybeSame: []alpr.ID{{15: 9, 6: 0x70, 8: 0x80}},
	}
	e, err := event.FromItem(event.Vehicle{Agency: "a", Name: "v"}, &alpr.OutboxItem{Kind: alpr.KindRead, ID: read.ID, Revision: 2, Read: &read, Class: alpr.RetainRead})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := compiler(t).Compile(schema.Base + "read.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
	if err != nil {
		t.Fatal(err)
	}
	if err := rules.Validate(data); err != nil {
		t.Error(err)
	}
	views, _ := data.(map[string]any)["views"].([]any)
	if len(views) != 2 {
		t.Fatalf("%d views in %s", len(views), e.Data)
	}
	rear, _ := views[1].(map[string]any)
	position, _ := rear["position"].(map[string]any)
	pictures, _ := rear["pictures"].(map[string]any)
	if rear["camera"] != "rear" || position["lat"] == nil || pictures["crop"] == nil {
		t.Errorf("the rear camera's view is %v", rear)
	}
}
