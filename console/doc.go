// Package console is the officer's screen in the car: a local web page that
// shows reads as they come, brings a hit to the front, and records what the
// officer found when he looked at the plate.
//
// It owns the page (console/web, embedded), the server-sent events that feed
// it, the officers' accounts and sessions, and the words in which a hit is put.
// It keeps nothing on disk: what must last is handed to the interfaces in Deps.
//
// Vocabulary
//
//   - A case is one hit with everything that happened to it: its revisions, its
//     withdrawal, its disposition. An open case waits for the officer.
//   - The board is all cases of this run and the last reads.
//   - The hub hands events to the open pages; a page that lost its connection
//     says which event it saw last and gets what it missed.
//   - A covert hit makes no sound, takes no stage and shows no colour.
//
// A hit is a lead. Nothing here calls it confirmed until an officer has said so.
package console
