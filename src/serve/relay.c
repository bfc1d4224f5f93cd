#include "serve/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/context.h"

#define PIECE 16384	/* a TLS record */
#define TICK 500	/* milliseconds between looks at who is too slow */
#define EVENTS 64	/* taken at once */
#define RELAY_THREADS 8 /* at most */

/* Bytes on their way in one direction. */
struct flow {
	size_t at, end;
	bool closed; /* nothing more will be read */
	uint8_t data[PIECE];
};

struct end {
	int fd;
	uint32_t watched; /* epoll's events; 0: not in it */
};

struct passage {
	struct passage *next, *previous;
	struct tls_session *session;
	struct end outer, inner;
	bool speaks;   /* the handshake is done */
	bool over;     /* to be freed */
	bool wants_in; /* of the outer end, by TLS's own will */
	bool wants_out;
	bool told; /* the server that nothing more comes */
	uint64_t moved_at;
	struct flow up, down; /* to the server, to the client */
	struct sockaddr_storage peer;
	socklen_t peer_length;
};

struct worker {
	struct relay *relay;
	pthread_t thread;
	int epoll;
	int bell; /* eventfd: somebody is new, or all is over */
	pthread_mutex_t lock;
	struct passage *fresh; /* handed over, not yet begun */
	struct passage *passages;
	bool stopped;
};

struct relay {
	struct tls *tls;
	struct relay_owner *owner;
	uint64_t patience;
	struct worker workers[RELAY_THREADS];
	unsigned worker_count;
	unsigned next; /* only the one who calls relay_take() has it */
};

static void
passage_free(struct passage *passage)
{
	tls_session_free(passage->session);
	close(passage->outer.fd);
	if (passage->inner.fd >= 0)
		close(passage->inner.fd);
	free(passage);
}

/* Nothing to wait for: out of it, since a hang-up is told in any case. */
static bool
watch(struct worker *worker, struct passage *passage, struct end *end,
      uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = passage };
	int how = EPOLL_CTL_MOD;

	if (end->fd < 0 || end->watched == events)
		return true;
	if (!events)
		how = EPOLL_CTL_DEL;
	else if (!end->watched)
		how = EPOLL_CTL_ADD;
	end->watched = events;
	return epoll_ctl(worker->epoll, how, end->fd, &event) == 0;
}

static void
note_want(struct passage *passage, ssize_t result)
{
	if (result == TLS_WANTS_READ)
		passage->wants_in = true;
	else if (result == TLS_WANTS_WRITE)
		passage->wants_out = true;
	else if (result == TLS_FAILED)
		passage->over = true;
}

static void
connect_server(struct worker *worker, struct passage *passage)
{
	struct relay_owner *owner = worker->relay->owner;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair)) {
		passage->over = true;
		return;
	}
	passage->inner.fd = pair[0];
	passage->speaks = true;
	owner->speaks(owner, pair[1], (struct sockaddr *)&passage->peer,
		      passage->peer_length);
}

static void
shake_hands(struct worker *worker, struct passage *passage)
{
	int result = tls_handshake(passage->session);

	if (result == 0)
		connect_server(worker, passage);
	else if (result == TLS_ENDED)
		passage->over = true;
	else
		note_want(passage, result);
}

static bool
would_block(ssize_t result)
{
	return result < 0 && (errno == EAGAIN || errno == EINTR);
}

/* From the client; each of these four says whether something moved. */
static bool
read_outer(struct passage *passage)
{
	struct flow *up = &passage->up;
	ssize_t got;

	if (up->closed || up->at != up->end)
		return false;
	got = tls_read(passage->session, up->data, sizeof(up->data));
	if (got == TLS_ENDED)
		up->closed = true;
	if (got <= 0) {
		note_want(passage, got);
		return false;
	}
	up->at = 0;
	up->end = (size_t)got;
	return true;
}

static bool
write_inner(struct passage *passage)
{
	struct flow *up = &passage->up;
	ssize_t put;

	if (up->at == up->end) {
		if (up->closed && !passage->told)
			shutdown(passage->inner.fd, SHUT_WR);
		passage->told = up->closed;
		return false;
	}
	put = send(passage->inner.fd, up->data + up->at, up->end - up->at,
		   MSG_NOSIGNAL);
	if (put > 0) {
		up->at += (size_t)put;
		return true;
	}
	/* A server that is gone may have said something before. */
	if (!would_block(put))
		up->at = up->end;
	return false;
}

static bool
read_inner(struct passage *passage)
{
	struct flow *down = &passage->down;
	ssize_t got;

	if (down->closed || down->at != down->end)
		return false;
	got = read(passage->inner.fd, down->data, sizeof(down->data));
	if (would_block(got))
		return false;
	if (got <= 0) {
		down->closed = true;
		return false;
	}
	down->at = 0;
	down->end = (size_t)got;
	return true;
}

static bool
write_outer(struct passage *passage)
{
	struct flow *down = &passage->down;
	ssize_t put;

	if (down->at == down->end)
		return false;
	put = tls_write(passage->session, down->data + down->at,
			down->end - down->at);
	if (put <= 0) {
		note_want(passage, put);
		return false;
	}
	down->at += (size_t)put;
	return true;
}

static void
move(struct passage *passage)
{
	bool moved = true;

	while (moved && !passage->over) {
		moved = read_outer(passage);
		moved |= write_inner(passage);
		moved |= read_inner(passage);
		moved |= write_outer(passage);
		if (moved)
			passage->moved_at = clock_milliseconds();
	}
	if (passage->down.closed && passage->down.at == passage->down.end) {
		tls_end(passage->session);
		passage->over = true;
	}
}

static uint32_t
wanted_outside(const struct passage *passage)
{
	return (passage->wants_in ? (uint32_t)EPOLLIN : 0) |
	       (passage->wants_out ? (uint32_t)EPOLLOUT : 0);
}

static uint32_t
wanted_inside(const struct passage *passage)
{
	const struct flow *up = &passage->up;
	const struct flow *down = &passage->down;
	bool reads = !down->closed && down->at == down->end;
	bool writes = up->at != up->end;

	return (reads ? (uint32_t)EPOLLIN : 0) |
	       (writes ? (uint32_t)EPOLLOUT : 0);
}

/* All that can be done now; then what to wait for. */
static void
advance(struct worker *worker, struct passage *passage)
{
	passage->wants_in = passage->wants_out = false;
	if (!passage->speaks)
		shake_hands(worker, passage);
	if (passage->speaks && !passage->over)
		move(passage);
	if (!passage->over &&
	    (!watch(worker, passage, &passage->outer,
		    wanted_outside(passage)) ||
	     !watch(worker, passage, &passage->inner, wanted_inside(passage))))
		passage->over = true;
}

static void
take_fresh(struct worker *worker)
{
	struct passage *passage;
	uint64_t rings;

	(void)!read(worker->bell, &rings, sizeof(rings));
	pthread_mutex_lock(&worker->lock);
	passage = STEAL(&worker->fresh);
	pthread_mutex_unlock(&worker->lock);
	while (passage) {
		struct passage *next = passage->next;

		passage->next = worker->passages;
		passage->previous = NULL;
		if (passage->next)
			passage->next->previous = passage;
		worker->passages = passage;
		advance(worker, passage);
		passage = next;
	}
}

/* Who is over goes; after the events, which may name one twice. */
static void
bury(struct worker *worker)
{
	struct relay_owner *owner = worker->relay->owner;
	uint64_t now = clock_milliseconds();
	struct passage *next;

	for (struct passage *p = worker->passages; p; p = next) {
		bool stuck = !p->speaks || p->down.at != p->down.end;

		next = p->next;
		if (stuck && now - p->moved_at > worker->relay->patience)
			p->over = true;
		if (!p->over)
			continue;
		if (p->next)
			p->next->previous = p->previous;
		if (p->previous)
			p->previous->next = p->next;
		else
			worker->passages = p->next;
		passage_free(p);
		owner->ended(owner);
	}
}

static bool
is_stopped(struct worker *worker)
{
	bool stopped;

	pthread_mutex_lock(&worker->lock);
	stopped = worker->stopped;
	pthread_mutex_unlock(&worker->lock);
	return stopped;
}

static void *
run(void *data)
{
	struct worker *worker = data;
	struct epoll_event events[EVENTS];

	while (!is_stopped(worker)) {
		int count = epoll_wait(worker->epoll, events, EVENTS, TICK);

		for (int i = 0; i < count; i++) {
			struct passage *passage = events[i].data.ptr;

			if (passage && !passage->over)
				advance(worker, passage);
		}
		take_fresh(worker);
		bury(worker);
	}
	for (struct passage *p = worker->passages; p; p = p->next)
		p->over = true;
	bury(worker);
	return NULL;
}

static void
ring(struct worker *worker)
{
	const uint64_t once = 1;

	(void)!write(worker->bell, &once, sizeof(once));
}

void
relay_take(struct relay *relay, int fd, const struct sockaddr *peer,
	   socklen_t length)
{
	struct worker *worker =
		&relay->workers[relay->next++ % relay->worker_count];
	struct passage *passage = calloc(1, sizeof(*passage));

	if (passage)
		passage->session = tls_session_new(relay->tls, fd);
	if (!passage || !passage->session) {
		free(passage);
		close(fd);
		relay->owner->ended(relay->owner);
		return;
	}
	passage->outer.fd = fd;
	passage->inner.fd = -1;
	passage->moved_at = clock_milliseconds();
	memcpy(&passage->peer, peer, length);
	passage->peer_length = length;
	pthread_mutex_lock(&worker->lock);
	passage->next = worker->fresh;
	worker->fresh = passage;
	pthread_mutex_unlock(&worker->lock);
	ring(worker);
}

static int
start(struct relay *relay, struct worker *worker, struct ferry_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	worker->relay = relay;
	pthread_mutex_init(&worker->lock, NULL);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->epoll >= 0 && worker->bell >= 0 &&
	    !epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->bell, &event) &&
	    !pthread_create(&worker->thread, NULL, run, worker))
		return 0;
	if (worker->epoll >= 0)
		close(worker->epoll);
	if (worker->bell >= 0)
		close(worker->bell);
	return error_set(err, FERRY_E_FAILED, "no thread can be started");
}

int
relay_new(struct relay **out, struct tls *tls, struct relay_owner *owner,
	  unsigned threads, uint64_t patience, struct ferry_error *err)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int rc = 0;

	if (!relay)
		return error_nomem(err);
	relay->tls = tls;
	relay->owner = owner;
	relay->patience = patience;
	while (!rc && relay->worker_count < threads &&
	       relay->worker_count < RELAY_THREADS) {
		rc = start(relay, &relay->workers[relay->worker_count], err);
		if (!rc)
			relay->worker_count++;
	}
	if (rc)
		relay_free(relay);
	else
		*out = relay;
	return rc;
}

static void
stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stopped = true;
	pthread_mutex_unlock(&worker->lock);
	ring(worker);
	pthread_join(worker->thread, NULL);
	take_fresh(worker);
	for (struct passage *p = worker->passages; p; p = p->next)
		p->over = true;
	bury(worker);
	close(worker->epoll);
	close(worker->bell);
	pthread_mutex_destroy(&worker->lock);
}

void
relay_free(struct relay *relay)
{
	if (!relay)
		return;
	for (unsigned i = 0; i < relay->worker_count; i++)
		stop(&relay->workers[i]);
	free(relay);
}
