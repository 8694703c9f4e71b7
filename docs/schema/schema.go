// Package schema holds the JSON Schemas of everything that travels between
// vehicle and backend; event.json is where to start.
package schema

import "embed"

// Files is the schemas, by file name.
//
//go:embed *.json
var Files embed.FS

// Base is what the schemas' ids begin with; a file's name follows.
const Base = "https://alpr.example/schema/v1/"

// OpenAPI describes what "alpr-backend serve" answers.
//
//go:embed openapi.yaml
var OpenAPI []byte
