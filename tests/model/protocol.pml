/* The protocol of one delivery, as notifier/outbox, workers/deliverer.py and bridge/relay.py carry it out.

   A statement of the outbox is one atomic step. Between any two a process may die; a message may be lost or come
   twice; an answer of the provider or of the database may be lost; a lease may end at any moment; an event may come
   early, late, again and again, or never. Two workers make every race about one delivery, two attempts every mix-up
   of attempts. Nothing else is bounded, unless BOUNDED: there the faults end, so that an end can be asked for.

   test_protocol.py checks it with spin, plants each defect that is named by an #ifdef, and compares the statuses and
   the moves with notifier.notifications. */

#define ATTEMPTS 2

mtype:status = { pending, sending, sent, delivered, bounced, complained, unknown, failed, skipped, suppressed,
                 expired, cancelled };
mtype:due = { nothing, retry, deadline, held };
mtype:answer = { none, taken, lost, not_now, refused };

/* What the database holds. */
mtype:status status = pending;
bit recorded;                  /* the row, its publication and the shard's checkpoint: one transaction */
byte publications;             /* that name the delivery */
mtype:due due = nothing;
byte attempt;                  /* requests begun. Each has a fresh token: here the number is the token */
byte claim;                    /* the attempt whose lease runs */
byte proof;                    /* provider_message_id: the attempt whose acceptance was learned first */
bit later;                     /* next_attempt_at lies ahead */
bit duplicate;                 /* a row in duplicates */

/* What the broker holds, and what the provider did: nobody sees that. */
bit message;
bit accepted[ATTEMPTS + 1];
byte events[ATTEMPTS + 1];     /* published, and to be taken */
bit tardy[ATTEMPTS + 1];       /* its events come after those of later messages */
bit eventless[ATTEMPTS + 1];   /* its events never come */

/* What the properties ask about. */
bit learned[ATTEMPTS + 1];     /* its message id reached the database */
bit given_up[ATTEMPTS + 1];    /* with its outcome unknown, by the route's policy or the operator */
bit excused[ATTEMPTS + 1];     /* by the operator, without events in time, or before its request arrived */
bit vouched;                   /* the operator said that it was sent */

/* A change of status; no other statement makes one. */
#define MOVE(source, target) status == source; status = target

#define GONE (status == sent || status == delivered || status == bounced || status == complained)
#define OPEN (status == sending || status == unknown)
#define READY (recorded && status == pending && !later)

/* Each assertion is named by the comment behind it. */
inline check() {
#ifdef BOUNDED
  skip
#else
  assert(!(accepted[1] && accepted[2]) || excused[1]);                          /* at most once */
  assert(!GONE || vouched || accepted[1] || accepted[2]);                       /* sent was accepted */
  assert(GONE || OPEN || !accepted[attempt] || given_up[attempt]);              /* not sent was not accepted */
  assert(GONE || status == sending || !(learned[1] || learned[2]));             /* evidence is heeded */
  assert(!(learned[1] && learned[2]) || duplicate);                             /* duplicates are detected */
  assert(!recorded || status != pending || publications > 0 || due == retry);   /* pending is attended */
  assert(status != sending || claim == attempt);                                /* sending is attended */
  assert(status != unknown || due == deadline || due == held)                   /* unknown is attended */
#endif
}

/* The weather. BOUNDED: the broker keeps what it is given, and there are two faults and one act of the operator, at
   any time. Else anything fails as often as it likes, and there may always be a message. */
#ifdef BOUNDED
#define WORKERS 1
byte faults;
bit acted;
#define FAULT faults < 2 -> faults++
#define MESSAGE message
#define TAKE_MESSAGE message = 0
#define PUBLISH message = 1
#ifdef ACK_FIRST
#define GIVE_BACK skip
#else
#define GIVE_BACK message = 1
#endif
#define MAY_ACT !acted
#define ACTED acted = 1
#define TAKE_EVENT(a) events[a]--
#else
#define WORKERS 2
#define FAULT true
#define MESSAGE recorded
#define TAKE_MESSAGE skip
#define PUBLISH skip
#define GIVE_BACK skip
#define MAY_ACT recorded
#define ACTED skip
#define TAKE_EVENT(a) skip
#endif

#ifdef NOFENCE
#define FENCED true
#else
#define FENCED attempt == mine
#endif

inline accept(a) {
#ifdef BOUNDED
  if :: events[a] = 1 :: skip fi
#else
  assert(!accepted[a]);                                                         /* one request for each attempt */
  accepted[a] = 1;
  excused[a] = excused[a] || given_up[a];
  if
  :: events[a] = 1
  :: events[a] = 1; tardy[a] = 1
  :: eventless[a] = 1
  fi
#endif
}

inline hear(a) {
#ifdef BOUNDED
  skip
#else
  learned[a] = 1
#endif
}

/* The message id of an acceptance reaches the row: a second one is a duplicate. */
inline learn(a) {
  hear(a);
  if
  :: proof == 0 -> proof = a
#ifndef UNDETECTED
  :: proof && proof != a -> duplicate = 1
#endif
  :: else
  fi
}

inline give_up(word) {
#ifdef BOUNDED
  skip
#else
  given_up[attempt] = 1;
  excused[attempt] = word || eventless[attempt] || tardy[attempt]
#endif
}

inline wait_for_retry() {
  later = 1;
#ifndef UNATTENDED
  due = retry
#endif
}

/* Reads the record until it is recorded: the fence refuses a second time. What it does not publish, the relay will. */
active proctype bridge() {
#ifdef CHECKPOINT_FIRST
  if :: FAULT -> goto done :: skip fi;           /* died between the two: never read again */
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
  :: atomic { recorded && FAULT; message = 0 }  /* it lost its memory */
  :: atomic { recorded && FAULT; message = 1 }  /* it sends again what its worker has in hand */
  od
}
#endif

active [WORKERS] proctype worker() {
  byte mine;                                     /* the token */
  mtype:answer told = none;
end_idle:
  atomic { MESSAGE -> TAKE_MESSAGE };

loaded:
  atomic {
    if
    :: FAULT -> goto died
    :: FAULT -> goto idle                        /* the channel is parked, or its rate used up */
    :: READY && MOVE(pending, skipped); check(); goto idle
    :: READY && MOVE(pending, expired); check(); goto idle
    :: READY && MOVE(pending, suppressed); check(); goto idle
    :: READY && MOVE(pending, failed); check(); goto idle
    :: READY && FAULT; MOVE(pending, pending); wait_for_retry(); check(); goto idle
    :: READY && attempt < ATTEMPTS && MOVE(pending, sending); attempt++; mine = attempt; claim = mine
    :: status == sending && attempt == mine      /* begun before: the answer to that commit was lost */
#ifdef BEGIN_UNGUARDED
    :: OPEN && attempt < ATTEMPTS -> status = sending; attempt++; mine = attempt; claim = mine
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
    :: FAULT -> goto loaded                      /* is it begun? asked again */
    :: told = taken; accept(mine)
    :: told = lost; accept(mine)
    :: told = lost
    :: told = not_now
    :: told = refused
    fi;
    check();
#ifdef RETRY_AMBIGUOUS
    if :: told == lost -> told = not_now :: else fi
#endif
  };

answered:
  atomic {
    if
    :: FAULT -> goto died
    :: told == taken && FENCED && MOVE(sending, sent); learn(mine)
    :: told == taken && FENCED && MOVE(unknown, sent); learn(mine); due = nothing
    :: told != taken && FENCED && proof && MOVE(sending, sent)
    :: told == lost && FENCED && !proof && MOVE(sending, unknown); due = deadline
    :: told == not_now && FENCED && !proof && attempt < ATTEMPTS && MOVE(sending, pending); wait_for_retry()
    :: told == not_now && FENCED && attempt < ATTEMPTS && MOVE(unknown, pending); wait_for_retry()
    :: told != taken && told != lost && FENCED && !proof && MOVE(sending, failed)
    :: told != taken && told != lost && FENCED && MOVE(unknown, failed); due = nothing
    :: else
    fi;
    if :: claim == mine -> claim = 0 :: else fi;
    check();
    if :: FAULT -> goto answered :: FAULT -> goto died :: skip fi
  };
idle:
  atomic { mine = 0; told = none; goto end_idle };
died:
  atomic { mine = 0; told = none; GIVE_BACK; goto end_idle }
}

/* The relay, one process for each of its jobs: none waits for another. */
active proctype leases() {
end:
  do
#ifndef NO_EXPIRY
  :: atomic {
       claim ->
       if
       :: attempt == claim && proof && MOVE(sending, sent)
#ifdef UNKNOWN_TO_PENDING
       :: attempt == claim && !proof && attempt < ATTEMPTS && status == sending -> status = pending; wait_for_retry()
#endif
       :: attempt == claim && !proof && MOVE(sending, unknown); due = deadline
       :: else
       fi;
       claim = 0; check()
     }
#endif
  :: false
  od
}

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

/* No event is evidence only once events of later messages have come. */
#ifdef IMPATIENT
#define FLOWING true
#else
#define FLOWING (events[attempt] == 0 || tardy[attempt])
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

/* Takes events: each proves that its attempt was accepted, and most say more. */
active proctype feedback() {
  byte by;
end:
  do
  :: atomic {
       if :: events[1] -> by = 1 :: events[2] -> by = 2 fi;
       if :: TAKE_EVENT(by) :: FAULT fi;        /* or it comes again */
       hear(by);
       if
       :: status == sending && attempt != by     /* a later attempt keeps its own outcome */
#ifdef FORGETFUL
          -> goto more
#endif
       :: attempt == by && MOVE(sending, sent)
       :: MOVE(unknown, sent); due = nothing
       :: MOVE(pending, sent); due = nothing
       :: MOVE(failed, sent)
       :: MOVE(skipped, sent)
       :: MOVE(suppressed, sent)
       :: MOVE(expired, sent)
       :: MOVE(cancelled, sent)
       :: GONE
       fi;
       later = 0;
       learn(by);
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
       by = 0; check()
     }
  od
}

active proctype operator() {
end:
  do
  :: atomic { MAY_ACT && recorded && MOVE(pending, cancelled); later = 0; due = nothing; ACTED; check() }
  :: atomic { MAY_ACT && attempt < ATTEMPTS && MOVE(failed, pending); wait_for_retry(); ACTED; check() }
  :: atomic { MAY_ACT && MOVE(unknown, sent); vouched = 1; due = nothing; ACTED; check() }
  :: atomic { MAY_ACT && attempt < ATTEMPTS && MOVE(unknown, pending); give_up(1); wait_for_retry(); ACTED; check() }
  :: atomic { MAY_ACT && MOVE(unknown, failed); give_up(1); due = nothing; ACTED; check() }
  od
}

/* Nothing is lost: once the faults have ended every run ends, and here. */
#define SETTLED (recorded && status != pending && status != sending && (status != unknown || due == held))

#ifdef BOUNDED
active proctype end_of_all() {
  timeout -> assert(SETTLED)                                                    /* nothing is lost */
}
#endif
