"""The objects, enums and unions of the API, one module each, loaded on first access."""

from typing import TYPE_CHECKING

from ..lazy import attach as _attach

if TYPE_CHECKING:
    from .aliases import ChatMessage as ChatMessage
    from .aliases import ContentPart as ContentPart
    from .aliases import Dimensions as Dimensions
    from .aliases import JsonSchema as JsonSchema
    from .aliases import MessageContent as MessageContent
    from .aliases import ResponseFormat as ResponseFormat
    from .aliases import TokenBytes as TokenBytes
    from .aliases import TokenLogprobs as TokenLogprobs
    from .aliases import ToolChoice as ToolChoice
    from .api_error import ApiError as ApiError
    from .assistant_message import AssistantMessage as AssistantMessage
    from .balance import Balance as Balance
    from .billing_mode import BillingMode as BillingMode
    from .chat_completion import ChatCompletion as ChatCompletion
    from .chat_completion_chunk import ChatCompletionChunk as ChatCompletionChunk
    from .chat_completion_request import ChatCompletionRequest as ChatCompletionRequest
    from .chat_pricing import ChatPricing as ChatPricing
    from .choice import Choice as Choice
    from .chunk_choice import ChunkChoice as ChunkChoice
    from .chunk_delta import ChunkDelta as ChunkDelta
    from .completion_error import CompletionError as CompletionError
    from .completion_status import CompletionStatus as CompletionStatus
    from .currency import Currency as Currency
    from .embedding_pricing import EmbeddingPricing as EmbeddingPricing
    from .error_code import ErrorCode as ErrorCode
    from .error_envelope import ErrorEnvelope as ErrorEnvelope
    from .error_type import ErrorType as ErrorType
    from .finish_reason import FinishReason as FinishReason
    from .function_call import FunctionCall as FunctionCall
    from .function_call_delta import FunctionCallDelta as FunctionCallDelta
    from .function_definition import FunctionDefinition as FunctionDefinition
    from .function_name import FunctionName as FunctionName
    from .image_detail import ImageDetail as ImageDetail
    from .image_url import ImageUrl as ImageUrl
    from .image_url_part import ImageUrlPart as ImageUrlPart
    from .json_object_format import JsonObjectFormat as JsonObjectFormat
    from .json_schema_format import JsonSchemaFormat as JsonSchemaFormat
    from .logprobs import Logprobs as Logprobs
    from .model import Model as Model
    from .model_kind import ModelKind as ModelKind
    from .model_list import ModelList as ModelList
    from .model_metadata import ModelMetadata as ModelMetadata
    from .named_json_schema import NamedJsonSchema as NamedJsonSchema
    from .named_tool_choice import NamedToolChoice as NamedToolChoice
    from .reasoning_effort import ReasoningEffort as ReasoningEffort
    from .response_message import ResponseMessage as ResponseMessage
    from .stream_error_frame import StreamErrorFrame as StreamErrorFrame
    from .stream_options import StreamOptions as StreamOptions
    from .stream_warning import StreamWarning as StreamWarning
    from .stream_warning_frame import StreamWarningFrame as StreamWarningFrame
    from .system_message import SystemMessage as SystemMessage
    from .text_format import TextFormat as TextFormat
    from .text_part import TextPart as TextPart
    from .token_logprob import TokenLogprob as TokenLogprob
    from .token_rate import TokenRate as TokenRate
    from .tool import Tool as Tool
    from .tool_call import ToolCall as ToolCall
    from .tool_call_delta import ToolCallDelta as ToolCallDelta
    from .tool_choice_mode import ToolChoiceMode as ToolChoiceMode
    from .tool_message import ToolMessage as ToolMessage
    from .top_logprob import TopLogprob as TopLogprob
    from .usage import Usage as Usage
    from .usage_breakdown import UsageBreakdown as UsageBreakdown
    from .user_message import UserMessage as UserMessage
    from .video_url import VideoUrl as VideoUrl
    from .video_url_part import VideoUrlPart as VideoUrlPart
else:
    __getattr__, __dir__ = _attach(
        __name__,
        {
            "ApiError": "api_error",
            "AssistantMessage": "assistant_message",
            "Balance": "balance",
            "BillingMode": "billing_mode",
            "ChatCompletion": "chat_completion",
            "ChatCompletionChunk": "chat_completion_chunk",
            "ChatCompletionRequest": "chat_completion_request",
            "ChatMessage": "aliases",
            "ChatPricing": "chat_pricing",
            "Choice": "choice",
            "ChunkChoice": "chunk_choice",
            "ChunkDelta": "chunk_delta",
            "CompletionError": "completion_error",
            "CompletionStatus": "completion_status",
            "ContentPart": "aliases",
            "Currency": "currency",
            "Dimensions": "aliases",
            "EmbeddingPricing": "embedding_pricing",
            "ErrorCode": "error_code",
            "ErrorEnvelope": "error_envelope",
            "ErrorType": "error_type",
            "FinishReason": "finish_reason",
            "FunctionCall": "function_call",
            "FunctionCallDelta": "function_call_delta",
            "FunctionDefinition": "function_definition",
            "FunctionName": "function_name",
            "ImageDetail": "image_detail",
            "ImageUrl": "image_url",
            "ImageUrlPart": "image_url_part",
            "JsonObjectFormat": "json_object_format",
            "JsonSchema": "aliases",
            "JsonSchemaFormat": "json_schema_format",
            "Logprobs": "logprobs",
            "MessageContent": "aliases",
            "Model": "model",
            "ModelKind": "model_kind",
            "ModelList": "model_list",
            "ModelMetadata": "model_metadata",
            "NamedJsonSchema": "named_json_schema",
            "NamedToolChoice": "named_tool_choice",
            "ReasoningEffort": "reasoning_effort",
            "ResponseFormat": "aliases",
            "ResponseMessage": "response_message",
            "StreamErrorFrame": "stream_error_frame",
            "StreamOptions": "stream_options",
            "StreamWarning": "stream_warning",
            "StreamWarningFrame": "stream_warning_frame",
            "SystemMessage": "system_message",
            "TextFormat": "text_format",
            "TextPart": "text_part",
            "TokenBytes": "aliases",
            "TokenLogprob": "token_logprob",
            "TokenLogprobs": "aliases",
            "TokenRate": "token_rate",
            "Tool": "tool",
            "ToolCall": "tool_call",
            "ToolCallDelta": "tool_call_delta",
            "ToolChoice": "aliases",
            "ToolChoiceMode": "tool_choice_mode",
            "ToolMessage": "tool_message",
            "TopLogprob": "top_logprob",
            "Usage": "usage",
            "UsageBreakdown": "usage_breakdown",
            "UserMessage": "user_message",
            "VideoUrl": "video_url",
            "VideoUrlPart": "video_url_part",
        },
    )

__all__ = [
    "ApiError",
    "AssistantMessage",
    "Balance",
    "BillingMode",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatCompletionRequest",
    "ChatMessage",
    "ChatPricing",
    "Choice",
    "ChunkChoice",
    "ChunkDelta",
    "CompletionError",
    "CompletionStatus",
    "ContentPart",
    "Currency",
    "Dimensions",
    "EmbeddingPricing",
    "ErrorCode",
    "ErrorEnvelope",
    "ErrorType",
    "FinishReason",
    "FunctionCall",
    "FunctionCallDelta",
    "FunctionDefinition",
    "FunctionName",
    "ImageDetail",
    "ImageUrl",
    "ImageUrlPart",
    "JsonObjectFormat",
    "JsonSchema",
    "JsonSchemaFormat",
    "Logprobs",
    "MessageContent",
    "Model",
    "ModelKind",
    "ModelList",
    "ModelMetadata",
    "NamedJsonSchema",
    "NamedToolChoice",
    "ReasoningEffort",
    "ResponseFormat",
    "ResponseMessage",
    "StreamErrorFrame",
    "StreamOptions",
    "StreamWarning",
    "StreamWarningFrame",
    "SystemMessage",
    "TextFormat",
    "TextPart",
    "TokenBytes",
    "TokenLogprob",
    "TokenLogprobs",
    "TokenRate",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "ToolChoiceMode",
    "ToolMessage",
    "TopLogprob",
    "Usage",
    "UsageBreakdown",
    "UserMessage",
    "VideoUrl",
    "VideoUrlPart",
]
