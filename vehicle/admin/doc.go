// Package admin is what people do with a vehicle's records from a command line: look
// at lists and change them, look plates up, export and check the audit log, see the
// policy, keep accounts. What shows or changes records is in the audit log.
package admin
