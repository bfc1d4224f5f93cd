#include "serve/connections.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/context.h"

void
connections_init(struct connections *connections)
{
	*connections = (struct connections){ .first = NULL };
	pthread_mutex_init(&connections->lock, NULL);
}

void
connections_release(struct connections *connections)
{
	pthread_mutex_destroy(&connections->lock);
}

struct connection *
connections_join(struct connections *connections, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->fd = fd;
	connection->since = clock_milliseconds();
	pthread_mutex_lock(&connections->lock);
	connection->next = connections->first;
	if (connection->next)
		connection->next->previous = connection;
	connections->first = connection;
	pthread_mutex_unlock(&connections->lock);
	return connection;
}

void
connections_leave(struct connections *connections,
		  struct connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	if (connection->next)
		connection->next->previous = connection->previous;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		connections->first = connection->next;
	pthread_mutex_unlock(&connections->lock);
	free(connection);
}

void
connections_begin(struct connections *connections,
		  struct connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	connection->since = 0;
	pthread_mutex_unlock(&connections->lock);
}

void
connections_end(struct connections *connections, struct connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	connection->since = clock_milliseconds();
	pthread_mutex_unlock(&connections->lock);
}

void
connections_sweep(struct connections *connections, uint64_t longest)
{
	uint64_t now = clock_milliseconds();

	pthread_mutex_lock(&connections->lock);
	for (struct connection *c = connections->first; c; c = c->next)
		if (c->since && now - c->since >= longest)
			shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&connections->lock);
}
