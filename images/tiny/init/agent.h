// The guest agent's loop. Protocol: the host's side of the same wire has it in full.
#ifndef RINGSIDE_AGENT_H
#define RINGSIDE_AGENT_H

#include "identity.h"

// Stage wait, in process 1: answers HELLO until GO comes; returns with its keys applied, the reply to it unsent.
void wait_for_go(struct identity *identity, uint16_t *id);
// The reply to GO, sent before the first STATUS of stage run.
void answer_go(uint16_t id);
// Stage run: serves for ever.
_Noreturn void serve(const char *root, const char *error);

#endif
