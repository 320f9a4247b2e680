/* A model of one delivery, for the model checker spin: what notifier/outbox, the workers and the relay do with it.

   A statement of the outbox is one atomic step. Between any two steps
   - a process may be killed;
   - a message of the broker may be lost, or arrive twice;
   - the answer of the provider or of the database may be lost;
   - a lease may end;
   - an event may arrive early, late, several times, or never.
   Two workers are enough for every race about one delivery, and two attempts for every confusion of attempts. Nothing
   else is limited, unless BOUNDED is defined: then the number of faults is limited, so that the end of every run can
   be checked.

   test_protocol.py searches all states, defines each defect of this file and expects the assertion that it
   violates, and compares the statuses and the transitions with notifier/notifications.py. */

#define ATTEMPTS 2

mtype:status = { pending, sending, sent, delivered, bounced, complained, unknown, failed, skipped, suppressed,
                 expired, cancelled, shadowed, merged };
mtype:due = { nothing, retry, deadline, held };
mtype:answer = { none, taken, lost, not_now, refused };

/* Rows of the database. */
mtype:status status = pending;
bit recorded;                     /* the row, its publication and the shard's checkpoint: one transaction */
byte publications;                /* publications that name the delivery */
mtype:due due = nothing;
byte attempt;                     /* attempts begun. Each has a new token: here the number is the token */
byte claim;                       /* the attempt whose lease has not ended */
byte message_id;                  /* provider_message_id: the attempt whose acceptance became known first */
bit later;                        /* next_attempt_at is in the future */
bit duplicate;                    /* a row in duplicates */

/* The broker and the provider: our processes see the message and the events, and nothing else. */
bit message;
bit accepted[ATTEMPTS + 1];
byte events[ATTEMPTS + 1];        /* published and not yet received */
bit events_late[ATTEMPTS + 1];    /* its events arrive after those of later messages */
bit no_events[ATTEMPTS + 1];      /* its events never arrive */

/* Variables for the assertions only. */
bit learned[ATTEMPTS + 1];        /* its message id was written to the database */
bit given_up[ATTEMPTS + 1];       /* while its outcome was unknown, by the route's policy or the operator */
bit excused[ATTEMPTS + 1];        /* a second message is allowed: an operator decided, its events are late or missing,
                                     or its request arrived after it was given up */
bit resolved_as_sent;             /* the operator resolved it as sent */

/* A transition; no other statement changes the status. */
#define MOVE(source, target) status == source; status = target

#define ACCEPTED (status == sent || status == delivered || status == bounced || status == complained)
#define IN_PROGRESS (status == sending || status == unknown)
#define READY (recorded && status == pending && !later)

/* The comment after an assertion is its name. */
inline check() {
#ifdef BOUNDED
  skip
#else
  assert(!(accepted[1] && accepted[2]) || excused[1]);                            /* at most once */
  assert(!ACCEPTED || resolved_as_sent || accepted[1] || accepted[2]);            /* sent was accepted */
  assert(ACCEPTED || IN_PROGRESS || !accepted[attempt] || given_up[attempt]);     /* not sent was not accepted */
  assert(ACCEPTED || status == sending || !(learned[1] || learned[2]));           /* an acceptance is not lost */
  assert(!(learned[1] && learned[2]) || duplicate);                               /* duplicates are detected */
  assert(!recorded || status != pending || publications > 0 || due == retry);     /* pending is moved on */
  assert(status != sending || claim == attempt);                                  /* sending is moved on */
  assert(status != unknown || due == deadline || due == held)                     /* unknown is moved on */
#endif
}

/* The environment. BOUNDED: the broker keeps its message, and there are two faults and one action of the operator, at
   any time. Otherwise every fault occurs any number of times, and there may always be a message. */
#ifdef BOUNDED
#define WORKERS 1
byte faults;
bit operator_acted;
bit waited;
#define FAULT faults < 2 -> faults++
#define MESSAGE message
#define TAKE_MESSAGE message = 0
#define PUBLISH message = 1
#ifdef ACK_FIRST
#define GIVE_BACK skip
#else
#define GIVE_BACK message = 1
#endif
#define MAY_WAIT !waited
#define WAITS waited = 1
#define MAY_RELEASE !waited && !operator_acted
#define RELEASES waited = 1
#define MAY_ACT !operator_acted
#define ACTED operator_acted = 1
#define TAKE_EVENT(a) events[a]--
#else
#define WORKERS 2
#define FAULT true
#define MESSAGE recorded
#define TAKE_MESSAGE skip
#define PUBLISH skip
#define GIVE_BACK skip
#define MAY_WAIT true
#define WAITS skip
#define MAY_RELEASE true
#define RELEASES skip
#define MAY_ACT recorded
#define ACTED skip
#define TAKE_EVENT(a) skip
#endif

#ifdef NO_TOKEN_CHECK
#define SAME_TOKEN true
#else
#define SAME_TOKEN attempt == mine
#endif

inline accept(a) {
#ifdef BOUNDED
  if :: events[a] = 1 :: skip fi
#else
  assert(!accepted[a]);                                                           /* one request for each attempt */
  accepted[a] = 1;
  excused[a] = excused[a] || given_up[a];
  if
  :: events[a] = 1
  :: events[a] = 1; events_late[a] = 1
  :: no_events[a] = 1
  fi
#endif
}

inline note_learned(a) {
#ifdef BOUNDED
  skip
#else
  learned[a] = 1
#endif
}

/* The message id of an acceptance is written: a second one is a duplicate. */
inline store_message_id(a) {
  note_learned(a);
  if
  :: message_id == 0 -> message_id = a
#ifndef DUPLICATES_NOT_COUNTED
  :: message_id && message_id != a -> duplicate = 1
#endif
  :: else
  fi
}

inline give_up(by_operator) {
#ifdef BOUNDED
  skip
#else
  given_up[attempt] = 1;
  excused[attempt] = by_operator || no_events[attempt] || events_late[attempt]
#endif
}

inline wait_for_retry() {
  later = 1;
#ifndef RETRY_WITHOUT_DUE_ROW
  due = retry
#endif
}

/* The route's function returned Later: it runs again at its time. The relay does the same with a retry and with what
   is scheduled, so that both are `retry` here. */
inline wait_for_time() {
  later = 1;
#ifndef LATER_WITHOUT_DUE_ROW
  due = retry
#endif
}

/* It is due at once. */
inline release() {
#ifdef RELEASE_WITHOUT_DUE_ROW
  skip
#else
  due = retry
#endif
}

/* Reads the record until it is recorded; the checkpoint refuses a second time. If it does not publish the message,
   the relay does. */
active proctype bridge() {
#ifdef CHECKPOINT_FIRST
  if :: FAULT -> goto done :: skip fi;           /* killed between the two: the record is never read again */
#endif
  atomic { recorded = 1; publications = 1; check() };
  if :: PUBLISH :: FAULT fi;
done:
  skip
}

#ifdef BOUNDED
active proctype broker() {
end:
  do
  :: atomic { recorded && FAULT; message = 0 }   /* the broker lost its data */
  :: atomic { recorded && FAULT; message = 1 }   /* it delivers a message again that a worker has */
  od
}
#endif

active [WORKERS] proctype worker() {
  byte mine;                                     /* its token */
  mtype:answer got = none;
end_idle:
  atomic { MESSAGE -> TAKE_MESSAGE };

loaded:
  atomic {
    if
    :: FAULT -> goto died
    :: FAULT -> goto idle                        /* the channel is parked, or its rate is used up */
    :: READY && MOVE(pending, skipped); check(); goto idle
    :: READY && MOVE(pending, expired); check(); goto idle
    :: READY && MOVE(pending, suppressed); check(); goto idle
    :: READY && MOVE(pending, shadowed); check(); goto idle
    /* Its event is in the message of another delivery, for which it waited. What is left out of that message is due. */
    :: recorded && MOVE(pending, merged); later = 0; due = nothing; check(); goto idle
    /* That one ends without having been accepted: this delivery waits for another one. */
    :: MAY_RELEASE && MOVE(merged, pending); RELEASES; release(); check(); goto idle
    :: READY && MOVE(pending, failed); check(); goto idle
    :: READY && FAULT; MOVE(pending, pending); wait_for_retry(); check(); goto idle
    :: READY && MAY_WAIT; MOVE(pending, pending); WAITS; wait_for_time(); check(); goto idle
#ifdef LATER_UNGUARDED
    :: recorded && MAY_WAIT -> status = pending; wait_for_time(); check(); goto idle
#endif
    :: READY && attempt < ATTEMPTS && MOVE(pending, sending); attempt++; mine = attempt; claim = mine
    :: status == sending && attempt == mine      /* begun before: the answer to that commit was lost */
#ifdef BEGIN_UNGUARDED
    :: IN_PROGRESS && attempt < ATTEMPTS -> status = sending; attempt++; mine = attempt; claim = mine
#endif
#ifdef SHADOW_UNGUARDED
    :: IN_PROGRESS -> status = shadowed; due = nothing
#endif
#ifdef MERGE_UNGUARDED
    :: IN_PROGRESS -> status = merged; due = nothing
#endif
#ifdef SEND_BEFORE_BEGIN
    :: READY -> mine = attempt + 1; accept(mine); goto died
#endif
    :: else -> goto idle
    fi;
    check()
  };

begun:
  atomic {
    if
    :: FAULT -> goto died
    :: FAULT -> goto loaded                      /* the answer to the commit was lost: begin again */
    :: got = taken; accept(mine)
    :: got = lost; accept(mine)
    :: got = lost
    :: got = not_now
    :: got = refused
    fi;
    check();
#ifdef RETRY_UNKNOWN
    if :: got == lost -> got = not_now :: else fi
#endif
  };

answered:
  atomic {
    if
    :: FAULT -> goto died
    :: got == taken && SAME_TOKEN && MOVE(sending, sent); store_message_id(mine)
    :: got == taken && SAME_TOKEN && MOVE(unknown, sent); store_message_id(mine); due = nothing
    :: got != taken && SAME_TOKEN && message_id && MOVE(sending, sent)
    :: got == lost && SAME_TOKEN && !message_id && MOVE(sending, unknown); due = deadline
    :: got == not_now && SAME_TOKEN && !message_id && attempt < ATTEMPTS && MOVE(sending, pending); wait_for_retry()
    :: got == not_now && SAME_TOKEN && attempt < ATTEMPTS && MOVE(unknown, pending); wait_for_retry()
    :: got != taken && got != lost && SAME_TOKEN && !message_id && MOVE(sending, failed)
    :: got != taken && got != lost && SAME_TOKEN && MOVE(unknown, failed); due = nothing
    :: else
    fi;
    if :: claim == mine -> claim = 0 :: else fi;
    check();
    if :: FAULT -> goto answered :: FAULT -> goto died :: skip fi
  };
idle:
  atomic { mine = 0; got = none; goto end_idle };
died:
  atomic { mine = 0; got = none; GIVE_BACK; goto end_idle }
}

/* The relay: one process for each of its jobs, which run independently. */
active proctype leases() {
end:
  do
#ifndef NO_END_OF_LEASES
  :: atomic {
       claim ->
       if
       :: attempt == claim && message_id && MOVE(sending, sent)
#ifdef ENDED_LEASE_TO_PENDING
       :: attempt == claim && !message_id && attempt < ATTEMPTS && status == sending -> status = pending;
          wait_for_retry()
#endif
       :: attempt == claim && !message_id && MOVE(sending, unknown); due = deadline
       :: else
       fi;
       claim = 0; check()
     }
#endif
  :: false
  od
}

/* Time goes by. An operator who brings forward what waits does the same. */
active proctype clock() {
end:
  do :: later -> later = 0 od
}

active proctype retries() {
end:
  do :: atomic { due == retry && !later && publications < 2 -> due = nothing; publications++; check() } od
}

active proctype republisher() {
  bit waiting;
end:
  do
#ifndef NO_RELAY
  :: publications && !(READY && message) ->
     waiting = READY;
     atomic {
       if :: waiting -> PUBLISH :: else -> publications-- fi;
       waiting = 0; check()
     }
#endif
  :: false
  od
}

/* A missing event is evidence only once events of later messages have arrived. */
#ifdef EVENTS_NOT_AWAITED
#define FLOWING true
#else
#define FLOWING (events[attempt] == 0 || events_late[attempt])
#endif

active proctype deadlines() {
end:
  do
  :: atomic { due == deadline && FLOWING && attempt < ATTEMPTS && MOVE(unknown, pending); give_up(0); due = retry;
              check() }
  :: atomic { due == deadline && FLOWING && MOVE(unknown, failed); give_up(0); due = nothing; check() }
  :: atomic { due == deadline && FLOWING && status == unknown -> due = held; check() }
  od
}

/* Receives events: each proves that its attempt was accepted, and most also report a result. */
active proctype feedback() {
  byte of_attempt;
end:
  do
  :: atomic {
       if :: events[1] -> of_attempt = 1 :: events[2] -> of_attempt = 2 fi;
       if :: TAKE_EVENT(of_attempt) :: FAULT fi; /* or it arrives again */
       note_learned(of_attempt);
       if
       :: status == sending && attempt != of_attempt /* a later attempt keeps its own outcome */
#ifdef EVENTS_DURING_ATTEMPT_IGNORED
          -> goto more
#endif
       :: attempt == of_attempt && MOVE(sending, sent)
       :: MOVE(unknown, sent); due = nothing
       :: MOVE(pending, sent); due = nothing
       :: MOVE(failed, sent)
       :: MOVE(skipped, sent)
       :: MOVE(suppressed, sent)
       :: MOVE(expired, sent)
       :: MOVE(cancelled, sent)
       :: MOVE(shadowed, sent)
       :: MOVE(merged, sent)
       :: ACCEPTED
       fi;
       later = 0;
       store_message_id(of_attempt);
more:
       if
       :: skip
       :: MOVE(sent, delivered)
       :: MOVE(sent, bounced)
       :: MOVE(sent, complained)
       :: MOVE(delivered, bounced)
       :: MOVE(delivered, complained)
       :: MOVE(bounced, complained)
       fi;
       of_attempt = 0; check()
     }
  od
}

active proctype operator() {
end:
  do
  :: atomic { MAY_ACT && recorded && MOVE(pending, cancelled); later = 0; due = nothing; ACTED; check() }
  :: atomic { MAY_ACT && attempt < ATTEMPTS && MOVE(failed, pending); wait_for_retry(); ACTED; check() }
  :: atomic { MAY_ACT && MOVE(shadowed, pending); wait_for_retry(); ACTED; check() }
  :: atomic { MAY_ACT && MOVE(unknown, sent); resolved_as_sent = 1; due = nothing; ACTED; check() }
  :: atomic { MAY_ACT && attempt < ATTEMPTS && MOVE(unknown, pending); give_up(1); wait_for_retry(); ACTED; check() }
  :: atomic { MAY_ACT && MOVE(unknown, failed); give_up(1); due = nothing; ACTED; check() }
  od
}

/* Nothing is lost: once the faults have ended, every run ends in such a state. */
#define SETTLED (recorded && status != pending && status != sending && (status != unknown || due == held))

#ifdef BOUNDED
active proctype final_state() {
  timeout -> assert(SETTLED)                                                      /* nothing is lost */
}
#endif
